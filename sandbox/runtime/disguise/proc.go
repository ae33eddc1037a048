package disguise

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/ktime"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// build is what /proc/version says of who built the kernel, and with what.
const build = "(buildd@lcy02-amd64-080) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, GNU ld (GNU Binutils for Ubuntu) 2.38)"

// commandLine is the kernel's.
const commandLine = "BOOT_IMAGE=/boot/vmlinuz-" + Release + " root=UUID=6f0e1c8a-2b7d-4d39-9d55-3a1f0c7e8b24 ro quiet"

// proc changes what /proc says.
func (d *dresser) proc(root kernfs.Inode) error {
	if _, ok := root.(folder); !ok {
		return fmt.Errorf("%T is no folder", root)
	}
	if err := hide(root, "gvisor", "sentry-meminfo"); err != nil {
		return err
	}
	if err := d.all(root, procFiles); err != nil {
		return err
	}
	if err := d.settings(root, procSettings); err != nil {
		return err
	}
	for name, s := range map[string]source{
		"cpuinfo": text(cpuInfo(d.k)),
		"uptime": func(ctx context.Context) string {
			up := d.uptime(ctx).Seconds()
			return fmt.Sprintf("%.2f %.2f\n", up, up*0.94*float64(d.k.ApplicationCores()))
		},
		"stat": d.counting(lookUp(root.(folder), "stat")),
		"loadavg": func(context.Context) string {
			return fmt.Sprintf("0.21 0.34 0.29 1/412 %d\n", len(d.k.TaskSet().Root.ThreadGroups())+7)
		},
	} {
		if err := d.put(root, name, 0o444, s); err != nil {
			return err
		}
	}
	return nil
}

// uptime is how long the machine has been up.
func (d *dresser) uptime(ctx context.Context) time.Duration {
	return ktime.NowFromContext(ctx).Sub(d.k.Timekeeper().BootTime())
}

// counting is /proc/stat with counts where gVisor has zeros.
func (d *dresser) counting(stat kernfs.Inode) source {
	own, _ := stat.(vfs.DynamicBytesSource)
	return func(ctx context.Context) string {
		var b bytes.Buffer
		if own == nil || own.Generate(ctx, &b) != nil {
			return ""
		}
		up := int64(d.uptime(ctx).Seconds())
		return strings.NewReplacer(
			"\nctxt 0\n", fmt.Sprintf("\nctxt %d\n", up*3127+11),
			"\nprocesses 0\n", fmt.Sprintf("\nprocesses %d\n", up*2+1843),
			"\nintr 0 ", fmt.Sprintf("\nintr %d ", up*1713+97),
			"\nsoftirq 0 ", fmt.Sprintf("\nsoftirq %d ", up*911+53),
		).Replace(b.String())
	}
}

// cpuInfo is gVisor's description of the processors, completed.
func cpuInfo(k *kernel.Kernel) string {
	features := k.FeatureSet()
	var b bytes.Buffer
	for i := range k.ApplicationCores() {
		features.WriteCPUInfoTo(i, k.ApplicationCores(), &b)
	}
	return cpuWords(b.String(), brand(features))
}

// cpuWords names the model, and leaves out that there is a hypervisor.
func cpuWords(info, model string) string {
	info = strings.ReplaceAll(info, " hypervisor ", " ") // a flag; it is never the last
	info = strings.ReplaceAll(info, "model name\t: unknown", "model name\t: "+model)
	return strings.ReplaceAll(info, "stepping\t: unknown", "stepping\t: 7")
}

// procSettings is the files of /proc that can be written to, as a machine sets them.
var procSettings = map[string]string{
	"sys/kernel/core_pattern": "|/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E\n",
	"sys/kernel/modprobe":     "/sbin/modprobe\n",
}

// procFiles is what the files of /proc say that are the same everywhere; those
// that would be long are there and empty.
var procFiles = map[string]string{
	"version":           "Linux version " + Release + " " + build + " " + Version + "\n",
	"version_signature": "Ubuntu 5.15.0-105.115-generic 5.15.148\n",
	"cmdline":           commandLine + "\n",
	"cgroups":           "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t0\t143\t1\ncpu\t0\t143\t1\ncpuacct\t0\t143\t1\nblkio\t0\t143\t1\nmemory\t0\t143\t1\ndevices\t0\t143\t1\nfreezer\t0\t143\t1\nnet_cls\t0\t143\t1\nperf_event\t0\t143\t1\nnet_prio\t0\t143\t1\nhugetlb\t0\t143\t1\npids\t0\t143\t1\nrdma\t0\t143\t1\nmisc\t0\t143\t1\n",
	"filesystems":       "nodev\tsysfs\nnodev\ttmpfs\nnodev\tbdev\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tcpuset\nnodev\tdevtmpfs\nnodev\tdebugfs\nnodev\ttracefs\nnodev\tsecurityfs\nnodev\tsockfs\nnodev\tbpf\nnodev\tpipefs\nnodev\tramfs\nnodev\thugetlbfs\nnodev\tdevpts\n\text3\n\text2\n\text4\n\tsquashfs\n\tvfat\nnodev\tecryptfs\n\tfuseblk\nnodev\tfuse\nnodev\tfusectl\nnodev\tmqueue\nnodev\tpstore\n\tbtrfs\nnodev\tautofs\nnodev\toverlay\n",
	"devices":           "Character devices:\n  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n 13 input\n136 pts\n\nBlock devices:\n  7 loop\n  8 sd\n  9 md\n 65 sd\n253 device-mapper\n259 blkext\n",
	"modules":           "xt_conntrack 16384 1 - Live 0x0000000000000000\nnf_conntrack_netlink 49152 0 - Live 0x0000000000000000\nxt_MASQUERADE 20480 1 - Live 0x0000000000000000\nbr_netfilter 32768 0 - Live 0x0000000000000000\nbridge 307200 1 br_netfilter, Live 0x0000000000000000\nveth 32768 0 - Live 0x0000000000000000\noverlay 151552 1 - Live 0x0000000000000000\nnf_tables 258048 71 - Live 0x0000000000000000\nip_tables 32768 0 - Live 0x0000000000000000\nmegaraid_sas 180224 2 - Live 0x0000000000000000\ntg3 180224 0 - Live 0x0000000000000000\n",
	"partitions":        "major minor  #blocks  name\n\n   8        0  468851544 sda\n   8        1  468848640 sda1\n",
	"diskstats":         "   8       0 sda 213874 48123 14982311 95821 1284110 998213 51288344 812341 0 492012 951223 0 0 0 0 9213 43061\n   8       1 sda1 213611 48123 14978013 95790 1284102 998213 51288344 812338 0 491988 951190 0 0 0 0 0 0\n",
	"swaps":             "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
	"interrupts":        "            CPU0       CPU1       CPU2       CPU3       \n   0:         38          0          0          0  IR-IO-APIC    2-edge      timer\n   8:          0          0          1          0  IR-IO-APIC    8-edge      rtc0\n  16:    1028411          0      88121          0  IR-PCI-MSI 65536-edge      megasas\n  25:          0    3918220          0     412231  IR-PCI-MSI 524288-edge      eth0\n LOC:   48812310   47102931   46991820   47220119   Local timer interrupts\n",
	"vmstat":            "nr_free_pages 412813\nnr_zone_inactive_anon 118211\nnr_zone_active_anon 48121\nnr_mlock 0\npgpgin 14982311\npgpgout 51288344\npswpin 0\npswpout 0\npgfault 912838112\npgmajfault 4123\noom_kill 0\n",
	"kallsyms":          "0000000000000000 T startup_64\n0000000000000000 T _stext\n0000000000000000 T _text\n0000000000000000 T do_one_initcall\n0000000000000000 T commit_creds\n0000000000000000 T prepare_kernel_cred\n",
	"misc":              "130 watchdog\n229 fuse\n200 tun\n235 autofs\n144 nvram\n",
	"keys":              "", "key-users": "    0:     4 3/3 3/1000000 55/25000000\n", "kcore": "", "kmsg": "", "timer_list": "", "sched_debug": "", "locks": "", "crypto": "", "iomem": "", "ioports": "",
	"buddyinfo": "", "zoneinfo": "", "pagetypeinfo": "", "slabinfo": "", "schedstat": "", "softirqs": "", "mdstat": "Personalities : \nunused devices: <none>\n", "consoles": "tty0                 -WU (EC p  )    4:1\n",

	"sys/kernel/osrelease":                 Release + "\n",
	"sys/kernel/version":                   Version + "\n",
	"sys/kernel/dmesg_restrict":            "1\n",
	"sys/kernel/kptr_restrict":             "1\n",
	"sys/kernel/perf_event_paranoid":       "4\n",
	"sys/kernel/unprivileged_bpf_disabled": "2\n",
	"sys/kernel/tainted":                   "0\n",
	"sys/kernel/threads-max":               "127234\n",
	"sys/kernel/ngroups_max":               "65536\n",
	"sys/kernel/sysrq":                     "176\n",
	"sys/kernel/panic":                     "0\n",
	"sys/kernel/printk":                    "4\t4\t1\t7\n",
}
