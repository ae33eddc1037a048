package disguise

import (
	"encoding/binary"
	"slices"
	"strings"

	"gvisor.dev/gvisor/pkg/cpuid"
)

// virtual tells whether a hypervisor gave a processor its name.
func virtual(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"qemu", "kvm", "virtual", "xen ", "hypervisor"}, func(word string) bool { return strings.Contains(name, word) })
}

// brand is the processor's name as it says itself (CPUID leaves 0x80000002 to
// 0x80000004), or a common one of its maker's if it does not.
func brand(features cpuid.FeatureSet) string {
	var b []byte
	for leaf := uint32(0x80000002); leaf <= 0x80000004; leaf++ {
		out := features.Query(cpuid.In{Eax: leaf})
		for _, r := range []uint32{out.Eax, out.Ebx, out.Ecx, out.Edx} {
			b = binary.LittleEndian.AppendUint32(b, r)
		}
	}
	name := strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
	switch {
	case len(name) > 12 && !virtual(name):
		return name
	case features.AMD():
		return "AMD EPYC 7R13 Processor"
	}
	return "Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz"
}
