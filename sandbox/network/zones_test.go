package network

import (
	"fmt"
	"testing"
	"time"
)

func TestZonesThatExist(t *testing.T) {
	generated := func(i int) string { return fmt.Sprintf("www.xq%czjkvwqh.example", 'a'+i%26) }
	for name, c := range map[string]struct {
		zone  func(i int) string
		every time.Duration
		n     int
		want  func(i int) bool
	}{
		"ordinary names, slowly": {func(i int) string { return fmt.Sprintf("host%d.com", i) }, 5 * time.Second, 100, func(int) bool { return true }},
		"many new names at once": {func(i int) string { return fmt.Sprintf("host%d.com", i) }, 0, 40, func(i int) bool { return i < burst }},
		"names within one zone":  {func(i int) string { return fmt.Sprintf("host%d.cluster.example", i) }, 0, 100, func(int) bool { return true }},
		"names that were made up": {generated, 5 * time.Second, 26, func(i int) bool {
			return i < generatedAnswered
		}},
		"service names": {func(i int) string { return fmt.Sprintf("db%d", i) }, 0, 100, func(int) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			z := zones{exists: map[string]bool{}}
			now := time.Unix(1000, 0)
			for i := range c.n {
				for range 2 { // and the same again
					if got := z.has(c.zone(i), now); got != c.want(i) {
						t.Fatalf("%d: %s exists: %v", i, c.zone(i), got)
					}
				}
				now = now.Add(c.every)
			}
		})
	}
}
