package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	actions["wait"] = wait
	actions["tick"] = tick
	actions["spin"] = spin
	actions["keepalive"] = keepalive
	actions["clocks"] = func([]string) { clocks() }
}

// waits are the ways to let time pass.
var waits = map[string]func(time.Duration){
	"nanosleep": func(d time.Duration) {
		ts := unix.NsecToTimespec(int64(d))
		must(unix.SYS_NANOSLEEP, pointer(&ts), 0)
	},
	"clock_nanosleep": func(d time.Duration) {
		ts := unix.NsecToTimespec(int64(d))
		must(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_BOOTTIME, 0, pointer(&ts))
	},
	"clock_nanosleep_until": func(d time.Duration) {
		var ts unix.Timespec
		fail(unix.ClockGettime(unix.CLOCK_REALTIME, &ts))
		ts = unix.NsecToTimespec(ts.Nano() + int64(d))
		must(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_REALTIME, 1 /* TIMER_ABSTIME */, pointer(&ts))
	},
	"pselect": func(d time.Duration) {
		ts := unix.NsecToTimespec(int64(d))
		must(unix.SYS_PSELECT6, 0, 0, 0, 0, pointer(&ts), 0)
	},
	"ppoll": func(d time.Duration) {
		ts := unix.NsecToTimespec(int64(d))
		must(unix.SYS_PPOLL, 0, 0, pointer(&ts), 0)
	},
	"epoll": func(d time.Duration) {
		fd, err := unix.EpollCreate1(0)
		fail(err)
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.EpollWait(fd, make([]unix.EpollEvent, 1), int(d.Milliseconds()))
		}
		fail(err)
	},
	"epoll_pwait2": func(d time.Duration) {
		fd, err := unix.EpollCreate1(0)
		fail(err)
		ts := unix.NsecToTimespec(int64(d))
		var ev unix.EpollEvent
		must(unix.SYS_EPOLL_PWAIT2, uintptr(fd), pointer(&ev), 1, pointer(&ts), 0)
	},
	"futex": func(d time.Duration) {
		word, ts := uint32(0), unix.NsecToTimespec(int64(d))
		expect(unix.ETIMEDOUT, unix.SYS_FUTEX, pointer(&word), 128 /* WAIT, PRIVATE */, 0, pointer(&ts))
	},
	"futex_until": func(d time.Duration) {
		var ts unix.Timespec
		fail(unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
		ts = unix.NsecToTimespec(ts.Nano() + int64(d))
		word := uint32(0)
		expect(unix.ETIMEDOUT, unix.SYS_FUTEX, pointer(&word), 9|128 /* WAIT_BITSET */, 0, pointer(&ts), 0, 0xffffffff)
	},
	"sigtimedwait": func(d time.Duration) {
		var set uint64 = 1 << (unix.SIGUSR2 - 1)
		ts := unix.NsecToTimespec(int64(d))
		expect(unix.EAGAIN, unix.SYS_RT_SIGTIMEDWAIT, pointer(&set), 0, pointer(&ts), 8)
	},
	"setitimer": func(d time.Duration) {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGALRM)
		defer signal.Stop(got)
		_, err := unix.Setitimer(unix.ITIMER_REAL, unix.Itimerval{Value: unix.NsecToTimeval(int64(d))})
		fail(err)
		<-got
	},
	"timer": func(d time.Duration) {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGUSR1)
		defer signal.Stop(got)
		event := struct {
			value  uint64
			signo  int32
			notify int32
			pad    [48]byte
		}{signo: int32(unix.SIGUSR1)}
		var id int32
		must(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, pointer(&event), pointer(&id))
		its := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
		must(unix.SYS_TIMER_SETTIME, uintptr(id), 0, pointer(&its), 0)
		<-got
		must(unix.SYS_TIMER_DELETE, uintptr(id))
	},
	"timerfd": func(d time.Duration) {
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)
		fail(err)
		fail(unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil))
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Read(fd, make([]byte, 8))
		}
		fail(err)
	},
	"recv_timeout": func(d time.Duration) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		fail(err)
		tv := unix.NsecToTimeval(int64(d))
		fail(unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
		for err = unix.EINTR; err == unix.EINTR; {
			_, err = unix.Read(pair[0], make([]byte, 1))
		}
		if err != unix.EAGAIN {
			fail(fmt.Errorf("read: %v", err))
		}
	},
	"runtime": func(d time.Duration) { time.Sleep(d) },
}

// wait lets a time pass in ways by name, one after the other, and tells how
// long each took by both clocks.
func wait(args []string) {
	d, err := time.ParseDuration(args[0])
	fail(err)
	for _, how := range strings.Split(args[1], ",") {
		wall, began := time.Now().Round(0), time.Now()
		waits[how](d)
		fmt.Println(how, time.Now().Round(0).Sub(wall), time.Since(began))
	}
	clocks()
}

// clocks prints what every clock says: seconds of the wall clock by the page
// that is read without a system call and by the call, monotonic, boot, and uptime.
func clocks() {
	page := time.Now()
	call := func(id uintptr) float64 {
		var ts unix.Timespec
		must(unix.SYS_CLOCK_GETTIME, id, pointer(&ts))
		return float64(ts.Nano()) / 1e9
	}
	var tv unix.Timeval
	fail(unix.Gettimeofday(&tv))
	uptime, err := os.ReadFile("/proc/uptime")
	fail(err)
	up, _, _ := strings.Cut(string(uptime), " ")
	fmt.Printf("clocks page=%.3f call=%.3f day=%.3f monotonic=%.3f raw=%.3f boot=%.3f uptime=%s\n", float64(page.UnixNano())/1e9,
		call(unix.CLOCK_REALTIME), float64(tv.Nano())/1e9, call(unix.CLOCK_MONOTONIC), call(unix.CLOCK_MONOTONIC_RAW), call(unix.CLOCK_BOOTTIME), up)
}

// tick sleeps for args[0] again and again, until args[1] has passed on the clock.
func tick(args []string) {
	every, err := time.ParseDuration(args[0])
	fail(err)
	until, err := time.ParseDuration(args[1])
	fail(err)
	n, began := 0, time.Now()
	fail(os.WriteFile("/tmp/ticking", nil, 0o600)) // says that began is known
	for ; time.Since(began) < until; n++ {
		ts := unix.NsecToTimespec(int64(every))
		must(unix.SYS_NANOSLEEP, pointer(&ts), 0)
	}
	fmt.Println("ticks", n)
}

// spin looks at the clock until args[0] has passed.
func spin(args []string) {
	until, err := time.ParseDuration(args[0])
	fail(err)
	for began := time.Now(); time.Since(began) < until; {
	}
	fmt.Println("spun")
}

// must repeats a call that was interrupted: the Go runtime signals its threads.
func must(nr uintptr, args ...uintptr) { expect(0, nr, args...) }

func expect(want unix.Errno, nr uintptr, args ...uintptr) {
	var a [6]uintptr
	copy(a[:], args)
	for {
		_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		switch errno {
		case want:
			return
		case unix.EINTR:
		default:
			fail(fmt.Errorf("system call %d: %v", nr, errno))
		}
	}
}

func pointer[T any](v *T) uintptr { return uintptr(unsafe.Pointer(v)) }

// keepalive talks to an HTTP server at args[0] over one connection, with all
// the time-outs that careful programs have and an hour between two requests;
// and beats, at the same time, between two ends on loopback that part when one
// is silent for too long.
func keepalive(args []string) {
	beating := make(chan error, 2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	go func() {
		c, err := l.Accept()
		for buf := make([]byte, 1); err == nil; {
			_ = c.SetDeadline(time.Now().Add(90 * time.Second))
			if _, err = c.Read(buf); err == nil {
				_, err = c.Write(buf)
			}
			if buf[0] == '.' {
				break
			}
		}
		beating <- err
	}()
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		for i := 0; i < 60 && err == nil; i++ {
			beat := []byte{'x'}
			if i == 59 {
				beat[0] = '.'
			}
			_ = c.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err = c.Write(beat); err == nil {
				_, err = c.Read(beat)
			}
			time.Sleep(30 * time.Second)
		}
		beating <- err
	}()
	d := net.Dialer{Timeout: 5 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c, err := d.Dial("tcp", args[0])
	fail(err)
	in := bufio.NewReader(c)
	for range 3 {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: keep-alive\r\n\r\n")
		fail(err)
		answer, err := http.ReadResponse(in, nil)
		fail(err)
		_, err = io.Copy(io.Discard, answer.Body)
		fail(err)
		fmt.Println("answer", answer.StatusCode, answer.Header.Get("Date"), time.Now().UTC().Format(http.TimeFormat))
		time.Sleep(time.Hour)
	}
	// Much data at once is what a stack measures the times of its packets by.
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	_, err = fmt.Fprintf(c, "POST /upload HTTP/1.1\r\nHost: api.example.test\r\nContent-Length: %d\r\n\r\n", 8<<20)
	fail(err)
	for range 8 {
		_, err = c.Write(make([]byte, 1<<20))
		fail(err)
	}
	answer, err := http.ReadResponse(in, nil)
	fail(err)
	fmt.Println("uploaded", answer.StatusCode)
	fail(<-beating)
	fail(<-beating)
	fmt.Println("unbroken")
}
