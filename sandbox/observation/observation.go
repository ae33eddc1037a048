// Package observation is the document that behaviour rules judge: everything
// that one run of an image did, folded from the sensor's events and the
// simulated network's records.
//
// Events and network records go in, one Observation comes out. It draws no
// conclusion: what is bad is for the rules to say.
package observation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// SchemaVersion changes when a field changes its meaning or goes away.
const SchemaVersion = 1

// Observation is `input` in every behaviour rule. Field names in JSON are part
// of the rules' contract. Processes and events are keyed, so that a rule looks
// only at what it is about: input.processes[id], input.events.connect[_].
type Observation struct {
	Schema    int                    `json:"schema_version"`
	Image     Image                  `json:"image"`
	Run       Run                    `json:"run"`
	Processes map[string]*Process    `json:"processes"` // by Process.ID
	Events    map[event.Kind][]Event `json:"events"`    // by kind, each in order of Seq; exec, clone and exit are in Processes
	Network   Network                `json:"network"`
	Files     Files                  `json:"files"`

	// Contents says what is in files: those of Files, and programs and scripts
	// that ran. By SHA-256, which Process, File and HTTP carry.
	Contents map[string]*Content `json:"contents,omitempty"`
}

// Write is the kind under which an observation keeps opens that could change a
// file, whether they succeeded or not; event.Open holds the rest.
const Write event.Kind = "write"

// Image is what the configuration says before anything runs.
type Image struct {
	Reference    image.Reference   `json:"ref"`
	Digest       string            `json:"digest"`
	ConfigDigest string            `json:"config_digest"`
	Platform     image.Platform    `json:"platform"`
	Entrypoint   []string          `json:"entrypoint"`
	Cmd          []string          `json:"cmd"`
	User         string            `json:"user"`
	WorkingDir   string            `json:"working_dir"`
	Env          []string          `json:"env"`
	Exposed      []string          `json:"exposed"`
	Volumes      []string          `json:"volumes"`
	Labels       map[string]string `json:"labels"`

	// Data is how many files the image has in each folder for data, such as /srv.
	Data map[string]int `json:"data,omitempty"`

	// Program is the file that the image says to start, before anything ran.
	// Nil when there is none.
	Program *Program `json:"program,omitempty"`

	// Search is what byte rules found in the image's programs. Only with the
	// first pass.
	Search *Search `json:"search,omitempty"`
}

// Search tells of the programs of an image that were searched as they lie in
// the layers, whether they ran or not.
type Search struct {
	Programs int       `json:"programs"` // ELF files, scripts and PHP pages that were searched
	Bytes    int64     `json:"bytes"`
	LeftOut  int       `json:"left_out,omitempty"` // programs beyond the limits
	Dormant  []Dormant `json:"dormant,omitempty"`  // that match, and whose content neither ran nor was written
}

// Dormant is a program of the image that byte rules know and that did not run.
// It is not among Contents: what lies there has done nothing yet.
type Dormant struct {
	Path    string       `json:"path"`
	SHA256  string       `json:"sha256"`
	Size    int64        `json:"size"`
	Type    string       `json:"type"`            // elf, script, text
	Matches []scan.Match `json:"matches"`         // of byte rules
	Words   []string     `json:"words,omitempty"` // of an ELF file, see ELF.Words
}

// Program is the first program of an image, as it lies in the layers.
type Program struct {
	Path   string   `json:"path"`            // as configured, made absolute and looked up in PATH
	Links  []string `json:"links,omitempty"` // the targets of the symbolic links that were followed from Path, in order, as written
	Real   string   `json:"real,omitempty"`  // where they led; "" when to nothing in the image
	SHA256 string   `json:"sha256,omitempty"`
	Size   int64    `json:"size,omitempty"`
	Mode   uint32   `json:"mode,omitempty"` // permission bits with set-uid and the like
	// Shebang is the first line of a script, without "#!".
	Shebang string `json:"shebang,omitempty"`
}

// Run is how the observation was made. The caller knows the first part before
// the run, End at its end; the rest is counted by the Builder.
type Run struct {
	Started   time.Time `json:"started"`
	Profile   string    `json:"profile,omitempty"`
	Network   string    `json:"network_mode"`             // simulated, replay, gateway
	Addresses []string  `json:"addresses,omitempty"`      // the guest's own
	Pass      string    `json:"pass,omitempty"`           // which of the image's passes this is: see the constants; "" is Default
	Why       string    `json:"why,omitempty"`            // why a pass other than Default was made, and how it differs
	Skipped   []Skipped `json:"skipped_passes,omitempty"` // passes that were not made; with the first pass
	Bait      []string  `json:"bait,omitempty"`           // documents that were planted, by path
	Hooks     []Hook    `json:"hooks,omitempty"`          // of Persistence: what is run
	Token     string    `json:"-"`                        // what a marker payload prints when it runs

	End

	RanEntrypoint bool          `json:"ran_entrypoint"`
	MarkerRan     bool          `json:"marker_ran,omitempty"` // the guest printed a line that only a marker payload prints
	Exit          *event.Status `json:"exit,omitempty"`       // of the first process; nil while it ran
	Limits        []string      `json:"limits_met,omitempty"` // of the sandbox: processes, disk, open_files, memory
	Counts        Counts        `json:"counts"`
}

// The passes: an image is detonated more than once where that may show more.
// Each pass is an observation of its own, and rules judge it by itself. Event
// numbers are unique over all passes of an image.
const (
	Default     = "default"     // the image's own program, with what its configuration says
	Completion  = "completion"  // again, with variables that it asked for
	Restart     = "restart"     // its program once more, on what the earlier pass left on disk
	Persistence = "persistence" // what it left to be run later, run
	Bait        = "bait"        // its program among more tempting surroundings
)

// Hook is what an earlier pass left to be run later by something else than its program.
type Hook struct {
	Path    string `json:"path"`    // of the file that it left
	Command string `json:"command"` // by which it is run, in the shell's language
}

// Skipped is a pass that was not made.
type Skipped struct {
	Pass   string `json:"pass"`
	Reason string `json:"reason"`
}

// The ways in which a run ends.
const (
	Completed = "completed" // by itself, or idle
	Timeout   = "timeout"   // its time was over
	Failed    = "failed"    // cut short by a fault: the reason says which
)

// End is what is known when the run is over.
type End struct {
	Duration     time.Duration `json:"duration_ns"`
	Status       string        `json:"status"`
	Reason       string        `json:"reason,omitempty"`      // of Failed; also why an entrypoint could not start
	Early        string        `json:"ended_early,omitempty"` // why it was ended although it still ran, before its time was over
	PortsProbed  []int         `json:"ports_probed,omitempty"`
	PortsSilent  []int         `json:"ports_silent,omitempty"` // that the image exposes, and nothing answered on
	Unmet        []string      `json:"unmet_downloads,omitempty"`
	LongestSleep time.Duration `json:"longest_sleep_ns,omitempty"`
	TimeSkipped  time.Duration `json:"time_skipped_ns,omitempty"`

	ClockJumps    int           `json:"clock_jumps,omitempty"`
	TimersPending int           `json:"timers_pending,omitempty"`   // waits that nobody saw the end of
	LongestTimer  time.Duration `json:"longest_timer_ns,omitempty"` // of the last of them to expire: what is left
	ClockReason   string        `json:"clock_reason,omitempty"`     // why the clocks jumped no further

	Unsupported []string      `json:"unsupported_syscalls,omitempty"`
	CPU         time.Duration `json:"cpu_ns,omitempty"` // processor time that the guest used, the sandbox's own included
	CPUs        int           `json:"cpus,omitempty"`   // processors that it could use
	Unrecorded  int64         `json:"unrecorded_flows"` // connections that the network answered and did not keep
	Stdout      string        `json:"stdout_tail"`      // the last bytes, as the guest wrote them
	Stderr      string        `json:"stderr_tail"`
}

// Counts says how complete the observation is.
type Counts struct {
	Total        uint64                `json:"events_total"`
	Lost         uint64                `json:"events_lost"` // by the sensor, none of them critical
	CriticalLost uint64                `json:"critical_lost"`
	Dropped      map[event.Kind]uint64 `json:"dropped,omitempty"` // seen, but more than an observation holds
}

// Event is one thing that a process did, as often as it did the same. What the
// fields mean for each kind is said in package event.
type Event struct {
	Seq     uint64 `json:"seq"` // of the first time
	MS      int64  `json:"ms"`
	LastMS  int64  `json:"last_ms,omitempty"` // of the last time, when Count > 1
	Count   int    `json:"count"`
	Process string `json:"process"` // Process.ID
	Probe   bool   `json:"probe,omitempty"`

	Path   string  `json:"path,omitempty"` // clean, without a /proc/N/root in front
	Target string  `json:"target,omitempty"`
	FSType string  `json:"fstype,omitempty"`
	Name   string  `json:"name,omitempty"`
	Flags  uint64  `json:"flags,omitempty"`
	Mode   uint32  `json:"mode,omitempty"`
	Device uint64  `json:"dev,omitempty"`
	Args   []int64 `json:"args,omitempty"`
	Result int64   `json:"result,omitempty"`
	Errno  int32   `json:"errno,omitempty"`
	Data   string  `json:"data,omitempty"`

	Local  *event.Endpoint `json:"local,omitempty"`
	Remote *event.Endpoint `json:"remote,omitempty"`
	Exec   *event.Program  `json:"exec,omitempty"` // exec_try
}

// Process is one program in one process: an exec in the same PID begins a new
// entry with the same PID and the next Generation. A fork that did nothing
// before its exec has no entry of its own.
type Process struct {
	ID          string   `json:"id"` // "pid.generation", unique in the run
	PID         int32    `json:"pid"`
	PPID        int32    `json:"ppid"`
	Parent      string   `json:"parent"` // ID of the process that forked it, or that it replaced; "" for the first
	Generation  int      `json:"generation"`
	Event       uint64   `json:"event"` // Seq of the start, exec or clone
	StartMS     int64    `json:"start_ms"`
	EndMS       int64    `json:"end_ms"` // 0 while running at the end
	Exe         string   `json:"exe"`
	SHA256      string   `json:"sha256"`
	Size        int64    `json:"size,omitempty"` // of the program's file
	Mode        uint32   `json:"mode,omitempty"` // of the program's file: permission bits with set-uid 04000 and set-gid 02000
	Argv        []string `json:"argv"`
	Env         []string `json:"env"`
	CWD         string   `json:"cwd"`
	UID         uint32   `json:"uid"`
	EUID        uint32   `json:"euid"`
	Elevated    bool     `json:"elevated"` // got the rights of root after its start, which was without
	Comm        string   `json:"comm"`
	Drift       bool     `json:"drift"`
	Memfd       bool     `json:"memfd"`
	Deleted     bool     `json:"deleted"`
	Forked      bool     `json:"forked"`     // a copy of its parent that loaded nothing itself
	Provenance  string   `json:"provenance"` // image, pkgmgr, config, network, decoded, unknown
	Names       []string `json:"names"`      // what it goes by: of its file, argv[0] and applet, with and without version
	Decodes     bool     `json:"decodes"`    // turns encoded or compressed input into what it stands for
	Script      string   `json:"script"`     // path of the script that an interpreter was given
	ScriptDrift bool     `json:"script_drift"`

	// What is known of Script when it did not come with the image, or was changed.
	ScriptSHA256     string `json:"script_sha256,omitempty"`
	ScriptProvenance string `json:"script_provenance,omitempty"`

	Stdio     [3]*event.FD  `json:"stdio"`
	PipeFrom  []string      `json:"pipe_from"` // IDs of the processes whose output its stdin reads
	Exit      *event.Status `json:"exit,omitempty"`
	Probe     bool          `json:"probe"`
	Lineage   []string      `json:"lineage"`    // IDs from the first process down to the parent; the nearest 64
	Children  []string      `json:"children"`   // IDs of those that it forked or became
	Flows     []int         `json:"flows"`      // its flows, as indices of Network.Flows
	HTTP      []int         `json:"http"`       // its requests, as indices of Network.HTTP
	LineageID string        `json:"lineage_id"` // the ID at the root of everything that belongs together
}

// Network is what crossed the simulated link. Inbound flows are our own probes.
type Network struct {
	Flows []Flow     `json:"flows"`
	DNS   []DNSQuery `json:"dns"`
	HTTP  []HTTP     `json:"http"`

	// Contacts is whom the image tried to reach over TCP outside of itself: by
	// Process.LineageID, port and address, the first attempt.
	Contacts map[string]map[string]map[string]Contact `json:"contacts"`

	// What follows is made of the above, so that no rule has to group, count or
	// compare times. Apps is the flows to somewhere outside by Flow.App and
	// Process.LineageID, as indices of Flows.
	Apps    map[string]map[string][]int `json:"apps"`
	Domains map[string][]Named          `json:"domains"` // names by the domains of two to four labels that they are in
	Zones   []Zone                      `json:"zones"`
	Sweeps  []PortSweep                 `json:"port_sweeps"`
	Repeats []Repeat                    `json:"repeats"`
	Rhythms []Rhythm                    `json:"rhythms"`
	Traffic []Traffic                   `json:"traffic"` // counted by the network itself
}

// Contact is the first attempt of a lineage to connect to an address and port.
type Contact struct {
	Event   uint64 `json:"event"`
	MS      int64  `json:"ms"`
	Process string `json:"process"`
	Named   bool   `json:"named"` // an answer to a question gave the address
}

// Flow is one TCP connection, or the datagrams of one UDP four-tuple.
type Flow struct {
	ID        string    `json:"id"`
	Event     uint64    `json:"event"`   // Seq of the connect, send or accept; 0 when it could not be joined
	Process   string    `json:"process"` // Process.ID
	PID       int32     `json:"pid"`
	Proto     string    `json:"proto"` // tcp, udp, icmp
	SrcIP     string    `json:"src_ip"`
	SrcPort   uint16    `json:"src_port"`
	DstIP     string    `json:"dst_ip"`
	DstPort   uint16    `json:"dst_port"`
	Scope     string    `json:"scope"`  // of the other end: loopback, own, local, private or public
	Domain    string    `json:"domain"` // name whose answer gave DstIP
	Direct    bool      `json:"direct"` // no name was asked for DstIP
	SNI       string    `json:"sni"`
	JA3       string    `json:"ja3,omitempty"`    // fingerprints of the guest's ClientHello: MD5 in hexadecimal,
	JA4       string    `json:"ja4,omitempty"`    // and FoxIO's
	TLS       bool      `json:"tls"`              // Out, In, App and Messages are from inside of it
	App       string    `json:"app"`              // http, tls, dns, irc, stratum, ssh, redis, docker, smtp, quic, raw and so on; by first bytes
	Socket    string    `json:"socket,omitempty"` // path of the Unix socket that it came through, such as that of an engine
	Inbound   bool      `json:"inbound"`
	Probe     bool      `json:"probe"`
	FirstMS   int64     `json:"first_ms"`
	LastMS    int64     `json:"last_ms"`
	BytesOut  int64     `json:"bytes_out"` // from the guest
	BytesIn   int64     `json:"bytes_in"`
	Refused   bool      `json:"refused"`
	OutSHA256 string    `json:"out_sha256,omitempty"` // of all bytes from the guest, where App is raw
	Out       string    `json:"out"`                  // first bytes from the guest: printable ASCII, the rest as \xNN
	In        string    `json:"in"`
	Messages  []Message `json:"messages"` // protocol messages that a responder understood
	Canaries  []Canary  `json:"canaries"` // planted secrets that left on this flow
}

// Message is one protocol message of a flow, e.g. App irc, Type PRIVMSG, or
// App stratum, Type mining.submit.
type Message struct {
	TimeMS int64             `json:"ms"`
	Out    bool              `json:"out"` // from the guest
	Type   string            `json:"type"`
	Fields map[string]string `json:"fields,omitempty"`
}

// Canary is a planted secret found in bytes that left the sandbox.
type Canary struct {
	Name      string   `json:"name"`            // e.g. aws_secret_access_key
	Encoding  string   `json:"encoding"`        // as canary.Hit has it, e.g. raw, base64+gzip
	Owner     []string `json:"owner,omitempty"` // domain suffixes to which it may be sent; none: nowhere
	OwnDomain bool     `json:"own_domain"`      // it went to its owner
}

// DNSQuery is one question and the answer we gave.
type DNSQuery struct {
	Flow    string   `json:"flow"` // that carried it
	Event   uint64   `json:"event"`
	Process string   `json:"process"`
	PID     int32    `json:"pid"`
	TimeMS  int64    `json:"ms"`
	Name    string   `json:"name"` // lower case, no trailing dot
	Type    string   `json:"type"`
	Server  string   `json:"server"`
	Rcode   string   `json:"rcode"`
	Answers []string `json:"answers"`
}

// HTTP is one request that the guest sent and our answer.
type HTTP struct {
	Flow    string            `json:"flow"`
	Event   uint64            `json:"event"`
	Process string            `json:"process"`
	PID     int32             `json:"pid"`
	TimeMS  int64             `json:"ms"`
	TLS     bool              `json:"tls"`
	Method  string            `json:"method"`
	Host    string            `json:"host"`
	Port    uint16            `json:"port"`
	IP      string            `json:"ip"` // that the flow went to
	Scope   string            `json:"scope"`
	Direct  bool              `json:"direct"`  // no name was asked for IP
	Inbound bool              `json:"inbound"` // our own probe asked
	Path    string            `json:"path"`    // with query
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Status  int               `json:"status"`
	Payload string            `json:"payload"`          // script or elf when a marker was served
	Source  string            `json:"source,omitempty"` // where that answer was from: recording, internet; "" when it was made up
	SHA256  string            `json:"sha256"`           // of the body that we answered
	Sent    []string          `json:"sent,omitempty"`   // SHA-256 of the body that was sent, and of the files in it
}

// Files is the difference of the file system after the run to the image,
// without what we put there ourselves, and files that lay in memory, such as in
// /dev/shm. Files that were made and removed again are among Created, too, as
// far as they are programs, scripts or short texts.
type Files struct {
	Created  []File   `json:"created"`
	Modified []File   `json:"modified"`
	Deleted  []string `json:"deleted"`
}

// File is one path that differs.
type File struct {
	Path       string  `json:"path"`
	Type       string  `json:"type"` // elf, script, text, archive, data, dir, symlink, device, fifo
	Target     string  `json:"target"`
	Mode       uint32  `json:"mode"`
	UID        int     `json:"uid"`
	Size       int64   `json:"size"`
	SHA256     string  `json:"sha256"`
	Entropy    float64 `json:"entropy"` // bits per byte, 0 to 8
	Head       string  `json:"head"`    // as Content.Head
	Executed   bool    `json:"executed"`
	Writer     string  `json:"writer"` // Process.ID that opened it for writing last
	Provenance string  `json:"provenance"`
	Event      uint64  `json:"event"`          // of the first open for writing
	Gone       bool    `json:"gone,omitempty"` // the guest removed or replaced it before the end; only in Created

	gone int64 // when
}

// Sorted is the processes in the order in which they began.
func (o *Observation) Sorted() []*Process {
	list := slices.Collect(maps.Values(o.Processes))
	slices.SortFunc(list, func(a, b *Process) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.ID, b.ID))
	})
	return list
}
