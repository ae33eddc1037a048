package network

import (
	"encoding/binary"
	"strconv"
	"time"
)

// Fields of an NTP packet. RFC 5905 §7.3.
const (
	ntpSize     = 48
	ntpClient   = 3
	ntpServer   = 4
	ntpStratum  = 2
	ntpTransmit = 40
)

// ntpEpoch is the first second of NTP's era 0, before that of Unix.
const ntpEpoch = 2_208_988_800

// tell answers a client that asks what time it is: that of the sandbox's clock.
// nil for what is no such question.
func (w *World) tell(payload []byte, f *flow) []byte {
	if len(payload) < ntpSize || payload[0]&7 != ntpClient {
		return nil
	}
	version := payload[0] >> 3 & 7
	f.App("ntp")
	f.Message(true, "client", map[string]string{"version": strconv.Itoa(int(version))})
	now := w.cfg.Now()
	a := make([]byte, ntpSize)
	a[0] = version<<3 | ntpServer
	a[1], a[2], a[3] = ntpStratum, payload[2], 0xe8 // precision 2^-24 s
	binary.BigEndian.PutUint32(a[4:], 1<<10)        // round trip to the reference, 16.16 s
	binary.BigEndian.PutUint32(a[8:], 1<<10)        // its dispersion
	copy(a[12:], []byte{192, 0, 2, 123})            // the reference's address, one for documentation
	binary.BigEndian.PutUint64(a[16:], ntpTime(now.Add(-time.Minute)))
	copy(a[24:], payload[ntpTransmit:ntpSize]) // when the question was sent
	binary.BigEndian.PutUint64(a[32:], ntpTime(now))
	binary.BigEndian.PutUint64(a[ntpTransmit:], ntpTime(now))
	return a
}

// ntpTime is seconds since 1900 in 32 bits, which begin anew in 2036, and their
// fraction in as many.
func ntpTime(t time.Time) uint64 {
	return uint64(uint32(t.Unix()+ntpEpoch))<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
