package sensor

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/fd"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/seccheck"
	pb "gvisor.dev/gvisor/pkg/sentry/seccheck/points/points_go_proto"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/lure"
)

const sinkName = "sallyport"

// holdLimit is how long the end of the first process waits for a Release when
// nobody reads what came before it. The runtime takes the file system's
// difference meanwhile, for which it has 20 s.
const holdLimit = 30 * time.Second

// Register makes the sink known to the Sentry that is linked into this binary.
// Call it once, before gVisor's command line runs. endpoint is called in the
// process that creates the sandbox, and returns the sensor's end of the socket.
func Register(endpoint func() (*os.File, error)) {
	h := &hooks{}
	h.install(callTable())
	seccheck.RegisterSink(seccheck.SinkDesc{
		Name:  sinkName,
		Setup: func(map[string]any) (*os.File, error) { return endpoint() },
		New: func(config map[string]any, endpoint *fd.FD) (seccheck.Sink, error) {
			s, err := newSink(config, endpoint)
			if err != nil {
				return nil, err
			}
			h.sink.Store(s)
			return s, nil
		},
	})
}

// sink is the sensor's part inside the Sentry. Its methods are called by the
// guest's tasks, many at a time.
type sink struct {
	seccheck.SinkDefaults

	socket  int
	queue   *queue
	table   map[uint64]decoder
	readsOf reads
	opened  *opened
	written atomic.Int64  // bytes that the socket took
	release chan struct{} // gets one value for each commandRelease
	clock   clock
	init    initState

	copies   *copies
	payloads payloads
	limits   limits
	times    *times
	lures    lure.Config
	ended    atomic.Bool                   // the first process has
	kernel   atomic.Pointer[kernel.Kernel] // known from the first program on
}

func newSink(config map[string]any, endpoint *fd.FD) (*sink, error) {
	if endpoint == nil {
		return nil, errors.New("the sensor needs a socket")
	}
	s := &sink{
		socket:  endpoint.Release(),
		queue:   newQueue(),
		table:   decoders(),
		opened:  newOpened(),
		release: make(chan struct{}, 1),
		times:   newTimes(config),
	}
	s.copies = newCopies(s.queue)
	s.lures = lures(config)
	if list, ok := config["reads_of"].([]any); ok {
		var of []string
		for _, r := range list {
			if text, ok := r.(string); ok {
				of = append(of, text)
			}
		}
		s.readsOf = newReads(of)
	}
	// Both end with the process: the Sentry lives exactly as long as its sandbox.
	go s.write()
	go s.obey()
	return s, nil
}

// Name implements seccheck.Sink.
func (*sink) Name() string { return sinkName }

// Stop implements seccheck.Sink.
func (s *sink) Stop() { s.queue.close() }

// write moves frames from the queue to the socket.
func (s *sink) write() {
	for {
		buf := s.queue.take()
		if buf == nil {
			return
		}
		for len(buf) > 0 {
			// In pieces, so that written tells a slow reader from none.
			n, err := unix.Write(s.socket, buf[:min(len(buf), 64<<10)])
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
				continue
			}
			if err != nil {
				log.Warningf("sensor: nobody reads events any more: %v", err)
				s.queue.close()
				return
			}
			buf = buf[n:]
			s.written.Add(int64(n))
		}
	}
}

// obey reads the daemon's commands.
func (s *sink) obey() {
	var b [1]byte
	for {
		n, err := unix.Read(s.socket, b[:])
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		switch b[0] {
		case commandRelease:
			select {
			case s.release <- struct{}{}:
			default:
			}
		case commandCollect:
			s.collect()
		case commandSync:
			s.queue.sync()
		case commandJump:
			s.beginJumping()
		case commandKnown:
			select {
			case s.times.known <- struct{}{}:
			default:
			}
		case commandHold, commandUnhold:
			s.holdClock(b[0] == commandHold)
		case commandHangUp:
			s.hangUp()
		case commandTell:
			s.tellClock()
		case commandAdvance:
			d, err := s.number()
			if err != nil {
				return
			}
			s.advance(time.Duration(d))
		}
	}
}

// number reads what follows a command.
func (s *sink) number() (uint64, error) {
	var b [8]byte
	for have := 0; have < len(b); {
		n, err := unix.Read(s.socket, b[have:])
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil || n == 0 {
			return 0, errors.Join(err, io.ErrUnexpectedEOF)
		}
		have += n
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// emit completes ev with the task that did it and queues it.
func (s *sink) emit(t *kernel.Task, ev *event.Event) {
	if s.kernel.Load() == nil {
		s.meet(t)
	}
	fields := taskFields
	if ev.Exec != nil {
		fields.Add(seccheck.FieldCtxtCwd)
	}
	var data pb.ContextData
	kernel.LoadSeccheckData(t, fields, &data)
	s.fill(ev, &data)
	if !ev.OwnSignal() {
		s.times.acts.Add(1)
	}
	s.queue.put(ev, t)
}

// fill sets ev's task and time from data.
func (s *sink) fill(ev *event.Event, data *pb.ContextData) {
	ev.Time = s.clock.since(data.GetTimeNs())
	ev.Probe = data.GetIsExecSession()
	ev.Task = event.Task{
		TID:   data.GetThreadId(),
		PID:   data.GetThreadGroupId(),
		PPID:  data.GetParentThreadGroupId(),
		Start: data.GetThreadGroupStartTimeNs(),
		UID:   data.GetCredentials().GetRealUid(),
		EUID:  data.GetCredentials().GetEffectiveUid(),
		Comm:  data.GetProcessName(),
		CWD:   data.GetCwd(),
	}
}

// ContainerStart implements seccheck.Sink. It comes before the first process
// has run, and without a task.
func (s *sink) ContainerStart(_ context.Context, _ seccheck.FieldSet, info *pb.Start) error {
	zero := info.GetContextData().GetTimeNs()
	s.clock.start(zero)
	program := &event.Program{Argv: info.GetArgs(), Env: info.GetEnv()}
	if len(program.Argv) > 0 {
		program.Path = program.Argv[0]
	}
	ev := &event.Event{Kind: event.Start, Exec: program, Args: []int64{zero}}
	s.fill(ev, info.GetContextData())
	ev.Task.CWD = info.GetCwd()
	s.queue.put(ev, nil)
	return nil
}

// Clone implements seccheck.Sink.
func (s *sink) Clone(ctx context.Context, _ seccheck.FieldSet, info *pb.CloneInfo) error {
	t := kernel.TaskFromContext(ctx)
	if t == nil {
		return nil
	}
	s.emit(t, &event.Event{
		Kind:  event.Clone,
		Flags: info.GetFlags(),
		Child: info.GetCreatedThreadId(),
		Args:  []int64{int64(info.GetCreatedThreadGroupId()), info.GetCreatedThreadStartTimeNs()},
	})
	return nil
}

// Execve implements seccheck.Sink. The program is loaded, but the other threads
// of the group have not been ended yet.
func (s *sink) Execve(ctx context.Context, _ seccheck.FieldSet, info *pb.ExecveInfo) error {
	t := kernel.TaskFromContext(ctx)
	if t == nil {
		return nil
	}
	s.init.execing(t)
	ev := &event.Event{Kind: event.Exec, Exec: program(t, info)}
	s.program(t, ev.Exec) // before the program may remove itself, and before encoding cuts its path
	s.emit(t, ev)
	return nil
}

// ExitNotifyParent implements seccheck.Sink: a thread group ended. The kernel
// holds the lock of all tasks here, so nothing may wait or look tasks up.
func (s *sink) ExitNotifyParent(_ context.Context, _ seccheck.FieldSet, info *pb.ExitNotifyParentInfo) error {
	ev := &event.Event{Kind: event.Exit, Exit: status(info.GetExitStatus())}
	s.fill(ev, info.GetContextData())
	s.times.acts.Add(1)
	s.queue.put(ev, nil)
	return nil
}

// TaskExit implements seccheck.Sink. It reports the end of the container's
// first process, which ExitNotifyParent leaves out, and holds it until the
// reader has released it: afterwards the file system is gone.
func (s *sink) TaskExit(ctx context.Context, _ seccheck.FieldSet, info *pb.TaskExit) error {
	t := kernel.TaskFromContext(ctx)
	if t == nil {
		return nil
	}
	s.lastLook(t)
	if !s.init.ends(t) {
		return nil
	}
	s.ended.Store(true)
	s.emit(t, &event.Event{Kind: event.Exit, Exit: status(info.GetExitStatus())})
	t.UninterruptibleSleepStart()
	defer t.UninterruptibleSleepFinish()
	s.hold()
	return nil
}

// lastLook looks through the memory of a program that did not come with the
// image, when its first thread ends.
func (s *sink) lastLook(t *kernel.Task) {
	if t.ThreadGroup().Leader() != t {
		return
	}
	exe := t.MemoryManager().Executable()
	if exe == nil {
		return
	}
	defer exe.DecRef(t)
	if !ofImage(exe) {
		s.scanMemory(t, t, maxMemory)
	}
}

// hold waits for the Release. A reader that still works through what came
// before may take its time.
func (s *sink) hold() {
	tick := time.NewTicker(holdLimit)
	defer tick.Stop()
	for seen := s.written.Load(); ; {
		select {
		case <-s.release:
			return
		case <-tick.C:
		}
		now := s.written.Load()
		if now == seen {
			log.Warningf("sensor: the first process was not released within %v", holdLimit)
			return
		}
		seen = now
	}
}

// Mmap implements seccheck.Sink: an executable mapping. Those of the image's
// own files say nothing and are many; memory without a file was filled by the
// program itself.
func (s *sink) Mmap(ctx context.Context, _ seccheck.FieldSet, info *pb.MmapInfo) error {
	t := kernel.TaskFromContext(ctx)
	if t == nil || info.GetIsInitialMmap() {
		return nil
	}
	if info.GetMappedPath() == "" {
		s.emit(t, &event.Event{Kind: event.WXMemory, Name: "mmap"})
		return nil
	}
	if info.GetOverlayfsLower() && !info.GetOverlayfsUpper() {
		return nil
	}
	s.emit(t, &event.Event{Kind: event.MapExec, Path: info.GetMappedPath(), Mode: info.GetMappedMode()})
	return nil
}

// RawSyscall implements seccheck.Sink.
func (s *sink) RawSyscall(ctx context.Context, _ seccheck.FieldSet, info *pb.Syscall) error {
	decode := s.table[info.GetSysno()]
	if decode == nil {
		return nil
	}
	t := kernel.TaskFromContext(ctx)
	if t == nil {
		return nil
	}
	c := &call{
		t:       t,
		args:    [6]uint64{info.Arg1, info.Arg2, info.Arg3, info.Arg4, info.Arg5, info.Arg6},
		result:  info.GetExit().GetResult(),
		errno:   int32(info.GetExit().GetErrorno()),
		readsOf: &s.readsOf,
		opened:  s.opened,

		payloads: &s.payloads,
	}
	ev := decode(c)
	if ev == nil {
		return nil
	}
	if info.Exit != nil {
		ev.Errno = c.errno
		if c.errno == 0 {
			ev.Result = c.result
		}
	}
	s.emit(t, ev)
	return nil
}

func status(ws int32) *event.Status {
	w := linux.WaitStatus(ws)
	if w.Signaled() {
		return &event.Status{Signal: int32(w.TerminationSignal())}
	}
	return &event.Status{Code: int32(w.ExitStatus())}
}

func underAny(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}
