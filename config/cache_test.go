package config

import "testing"

func TestSizes(t *testing.T) {
	for text, wants := range map[string]Bytes{
		"0": 0, "1024": 1024, "100GiB": 100 << 30, "1.5 MiB": 3 << 19, "2TB": 2e12, "10kB": 10_000, "5B": 5, "1e3": 1000,
		"": -1, "GiB": -1, "-1": -1, "1XB": -1, "lots": -1, "NaN": -1, "Inf": -1, "9e30TiB": -1, "0x10": -1,
	} {
		got, err := ParseBytes(text)
		if (err != nil) != (wants < 0) || err == nil && got != wants {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	cfg, err := Load(write(t, "proxy: {cache: {size: 100GiB, keep: 720h}, redirect: true}\n"), []string{"SALLYPORT_PROXY_CACHE_SIZE=200 GiB"})
	if err != nil || cfg.Proxy.Cache.Size != 200<<30 || cfg.Proxy.Cache.Keep.Hours() != 720 || !cfg.Proxy.Redirect {
		t.Errorf("%+v %v", cfg.Proxy.Cache, err)
	}
}

func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"100GiB", "1e3", "", "-0", "1.5 MiB", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := ParseBytes(text); err == nil && b < 0 {
			t.Errorf("%q is %d", text, b)
		}
	})
}
