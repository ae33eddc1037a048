package sallyport.behaviours.weaponization["ld-preload-env_test"]

import data.sallyport.behaviours.weaponization["ld-preload-env"] as rule
import data.sallyport.fixture as f

run(env, path) := f.observation({
	"processes": [f.process(30, ["/usr/bin/redis-server"], {"env": env})],
	"events": {"map_exec": [f.event(31, "30.0", {"path": path})]},
})

test_loaded if {
	every case in [
		[["LD_PRELOAD=/tmp/x.so"], "/tmp/x.so"], [["LD_AUDIT=/dev/shm/a.so"], "/dev/shm/a.so"], [["LD_PRELOAD=libfoo.so /opt/h.so"], "/opt/h.so"],
		[["LD_LIBRARY_PATH=/usr/lib:/tmp/l"], "/tmp/l/libz.so.1"],
	] {
		found := rule.finding with input as run(case[0], case[1])
		f.pointed(found)
		not f.malicious(found)
	}
}

test_wanted_and_there if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/bin/ls"], {"env": ["LD_PRELOAD=/opt/h.so"]})],
		"created": [{"path": "/opt/h.so", "type": "elf", "sha256": "ab", "head": "", "provenance": "unknown", "writer": "1.0", "event": 9}],
	})
	f.pointed(found)
}

# What the image holds says nothing; what a program maps itself is no preload.
test_not_of_the_image_or_unpacked if {
	every o in [
		f.observation({"processes": [f.process(30, ["/usr/bin/redis-server"], {"env": ["LD_PRELOAD=/usr/lib/libjemalloc.so.2"]})]}),
		run(["LD_LIBRARY_PATH=/tmp/_MEIx1"], "/tmp/_MEIx1/libpython3.so"),
		run(["PATH=/bin"], "/tmp/jna-1/libjnidispatch.so"),
		run(["LD_LIBRARY_PATH=/opt/app/lib"], "/opt/app/lib/libx.so"),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ld-preload-env.from-tmp"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ld-preload-env.of-the-image", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
