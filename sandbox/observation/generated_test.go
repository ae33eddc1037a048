package observation

import "testing"

func TestGeneratedNames(t *testing.T) {
	for _, name := range []string{
		"google", "cloudflare", "githubusercontent", "stackoverflow", "supportxmr", "kubernetes", "letsencrypt", "datadoghq",
		"collector", "backend", "postgresql", "example", "fontawesome", "s3-eu-west-1", "web01", "node12", "xyz",
	} {
		if Generated(name) {
			t.Errorf("%q looks generated", name)
		}
	}
	for _, name := range []string{"xjwqkzpfvb", "qkzxvjbwmq", "a8f3k2m9x1", "wvbxqjzkrt", "0a1b2c3d4e5f", "hgfxqzwvkp"} {
		if !Generated(name) {
			t.Errorf("%q looks like a name", name)
		}
	}
}
