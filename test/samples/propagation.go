package samples

func scanHorizontal() []Sample {
	return []Sample{
		shows("scan-horizontal/ssh", acts("scan", "48", "22"), bad, ":22"),
		nearly("scan-horizontal/ten-hosts", acts("scan", "10", "22")),
		nearly("scan-horizontal/named-hosts", acts("scan-named", "48")),
	}
}

func dockerSpread() []Sample {
	return []Sample{
		shows("docker-api-spread/containers", acts("docker-spread"), malicious, "198.18.40.7:2375", "/containers/create"),
		nearly("docker-api-spread/own-engine", acts("docker-client")),
	}
}
