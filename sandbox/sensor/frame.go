package sensor

import (
	"encoding/binary"
	"encoding/json"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// A frame on the wire: 4 bytes length of what follows the header, 1 byte type,
// 8 bytes sequence number (all little endian), then the payload.
const headerSize = 4 + 1 + 8

// The types of frames from the sensor.
const (
	frameEvent  = 'E' // payload: one event.Event as JSON, without its Seq
	frameSynced = 'S' // no payload: everything before the reader's sync has been sent

	// A copied file: its description, its bytes in any number of frames, its
	// end. Instead of a sequence number they carry the number of the copy.
	frameCopy   = 'C' // payload: one event.Copy as JSON
	frameData   = 'D' // payload: bytes
	frameCopied = 'Z' // no payload
)

// The commands from the reader, one byte each.
const (
	commandRelease = 'R' // let the first process end
	commandSync    = 'S' // answer with frameSynced
	commandCollect = 'C' // tell what is left
	commandJump    = 'J' // let the clocks jump
	commandKnown   = 'K' // a jump is known
	commandHold    = 'H' // no jumps for now
	commandUnhold  = 'U'
	commandHangUp  = 'G' // SIGHUP to the first process
	commandTell    = 'T' // what came of the jumps, and what waits
	commandAdvance = 'A' // jump by the nanoseconds that follow, 8 bytes little endian
)

func appendFrame(buf []byte, kind byte, seq uint64, payload []byte) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	buf = append(buf, kind)
	buf = binary.LittleEndian.AppendUint64(buf, seq)
	return append(buf, payload...)
}

// encode turns ev into a payload that fits a frame. Long texts are cut in
// place; a reader sees what was cut by its length, which is then the cap.
func encode(ev *event.Event) []byte {
	cut(ev)
	payload, err := json.Marshal(ev)
	if err == nil && len(payload) <= event.MaxFrame {
		return payload
	}
	// JSON may need six bytes for one of the guest's: keep the heads.
	if ev.Exec != nil {
		ev.Exec.Env = nil
		ev.Exec.Argv = cutList(ev.Exec.Argv, 32, 1024)
	}
	if payload, err = json.Marshal(ev); err != nil || len(payload) > event.MaxFrame {
		payload, _ = json.Marshal(&event.Event{Time: ev.Time, Kind: ev.Kind, Task: event.Task{TID: ev.Task.TID, PID: ev.Task.PID}})
	}
	return payload
}

// cut shortens every text of ev to the caps of package event.
func cut(ev *event.Event) {
	for _, s := range []*string{&ev.Path, &ev.Target, &ev.FSType, &ev.Name, &ev.Task.Comm, &ev.Task.CWD} {
		*s = cutText(*s, event.MaxPath)
	}
	for _, e := range []*event.Endpoint{ev.Local, ev.Remote} {
		if e != nil {
			e.Path = cutText(e.Path, event.MaxPath)
		}
	}
	ev.Data = cutText(ev.Data, event.MaxData)
	p := ev.Exec
	if p == nil {
		return
	}
	p.Path = cutText(p.Path, event.MaxPath)
	p.Argv = cutList(p.Argv, event.MaxArgs, event.MaxArg)
	p.Env = cutList(p.Env, event.MaxArgs, event.MaxArg)
	for _, fd := range p.Stdio {
		if fd == nil {
			continue
		}
		fd.Path = cutText(fd.Path, event.MaxPath)
		if fd.Peer != nil {
			fd.Peer.Comm = cutText(fd.Peer.Comm, event.MaxPath)
			fd.Peer.Path = cutText(fd.Peer.Path, event.MaxPath)
		}
	}
}

func cutText(s string, limit int) string {
	if len(s) > limit {
		return s[:limit]
	}
	return s
}

// cutList copies what it changes: the list may be the guest kernel's own.
func cutList(list []string, count, size int) []string {
	if len(list) > count {
		list = list[:count:count]
	}
	short := make([]string, len(list))
	for i, s := range list {
		short[i] = cutText(s, size)
	}
	return short
}
