package disguise

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
	"gvisor.dev/gvisor/pkg/sentry/inet"
)

// sysFiles is what the files of /sys say that gVisor does not have. The machine
// is one that stands in many racks.
var sysFiles = map[string]string{
	"class/dmi/id/sys_vendor":                "Dell Inc.\n",
	"class/dmi/id/product_name":              "PowerEdge R640\n",
	"class/dmi/id/product_version":           "\n",
	"class/dmi/id/board_vendor":              "Dell Inc.\n",
	"class/dmi/id/board_name":                "0W23H8\n",
	"class/dmi/id/bios_vendor":               "Dell Inc.\n",
	"class/dmi/id/bios_version":              "2.19.1\n",
	"class/dmi/id/bios_date":                 "06/04/2023\n",
	"class/dmi/id/chassis_vendor":            "Dell Inc.\n",
	"class/dmi/id/chassis_type":              "23\n",
	"block/sda/size":                         "937703088\n",
	"block/sda/dev":                          "8:0\n",
	"block/sda/removable":                    "0\n",
	"block/sda/ro":                           "0\n",
	"block/sda/device/vendor":                "DELL    \n",
	"block/sda/device/model":                 "PERC H740P Mini \n",
	"block/sda/queue/rotational":             "0\n",
	"block/sda/sda1/size":                    "937697280\n",
	"block/sda/sda1/dev":                     "8:1\n",
	"fs/cgroup/cgroup.controllers":           "cpuset cpu io memory hugetlb pids rdma misc\n",
	"fs/cgroup/cgroup.type":                  "domain\n",
	"fs/cgroup/cgroup.procs":                 "1\n",
	"fs/cgroup/cgroup.events":                "populated 1\nfrozen 0\n",
	"fs/cgroup/memory.max":                   "max\n",
	"fs/cgroup/memory.high":                  "max\n",
	"fs/cgroup/memory.swap.max":              "max\n",
	"fs/cgroup/cpu.max":                      "max 100000\n",
	"fs/cgroup/cpu.weight":                   "100\n",
	"fs/cgroup/pids.max":                     "max\n",
	"module/overlay/refcnt":                  "1\n",
	"kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
}

// sys changes what /sys says.
func (d *dresser) sys(root kernfs.Inode) error {
	if err := d.all(root, sysFiles); err != nil {
		return err
	}
	stack := d.k.RootNetworkNamespace().Stack()
	if stack == nil {
		return nil
	}
	for index, i := range stack.Interfaces() {
		if err := d.all(root, card(index, i)); err != nil {
			return err
		}
	}
	return nil
}

// card is the folder of a network card.
func card(index int32, i inet.Interface) map[string]string {
	dir, address := "class/net/"+i.Name+"/", "00:00:00:00:00:00"
	if len(i.Addr) == 6 {
		address = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", i.Addr[0], i.Addr[1], i.Addr[2], i.Addr[3], i.Addr[4], i.Addr[5])
	}
	kind, state, broadcast, mtu := "1", "up", "ff:ff:ff:ff:ff:ff", i.MTU
	if i.Name == "lo" {
		kind, state, broadcast, mtu = "772", "unknown", "00:00:00:00:00:00", 65536
	}
	return map[string]string{
		dir + "address": address + "\n", dir + "broadcast": broadcast + "\n", dir + "mtu": fmt.Sprintln(mtu), dir + "type": kind + "\n",
		dir + "operstate": state + "\n", dir + "ifindex": fmt.Sprintln(index), dir + "iflink": fmt.Sprintln(index), dir + "carrier": "1\n", dir + "tx_queue_len": "1000\n", dir + "addr_len": "6\n",
	}
}
