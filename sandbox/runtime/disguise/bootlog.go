package disguise

import "fmt"

// bootLog is the end of what such a machine says when it starts, and what
// Docker makes its kernel say.
func bootLog() string {
	text := ""
	for _, l := range []struct {
		at   float64
		says string
	}{
		{0, "Linux version " + Release + " " + build + " " + Version},
		{0, "Command line: " + commandLine},
		{0, "BIOS-provided physical RAM map:"},
		{0.000001, "DMI: Dell Inc. PowerEdge R640/0W23H8, BIOS 2.19.1 06/04/2023"},
		{0.012411, "ACPI: Early table checksum verification disabled"},
		{0.318220, "Memory: 32689412K/33452304K available (16393K kernel code, 4392K rwdata, 10888K rodata, 3276K init, 5780K bss)"},
		{0.401127, "rcu: Hierarchical SRCU implementation."},
		{1.102938, "pci 0000:00:00.0: [8086:2020] type 00 class 0x060000"},
		{1.873310, "megaraid_sas 0000:18:00.0: FW now in Ready state"},
		{2.244108, "sd 0:2:0:0: [sda] 937703088 512-byte logical blocks: (480 GB/447 GiB)"},
		{2.251873, " sda: sda1"},
		{3.020114, "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null). Quota mode: none."},
		{4.318842, "systemd[1]: Detected architecture x86-64."},
		{9.772130, "tg3 0000:1a:00.0 eno1: Link is up at 1000 Mbps, full duplex"},
		{14.092231, "Bridge firewalling registered"},
		{14.550117, "Initializing XFRM netlink socket"},
		{21.338841, "docker0: port 1(veth3f2a91c) entered blocking state"},
		{21.339012, "docker0: port 1(veth3f2a91c) entered forwarding state"},
		{21.611204, "eth0: renamed from veth8c0d1e7"},
	} {
		text += fmt.Sprintf("<6>[%12.6f] %s\n", l.at, l.says)
	}
	return text
}
