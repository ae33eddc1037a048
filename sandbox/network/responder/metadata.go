package responder

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
)

// metadata is the instance metadata service of an AWS machine, versions 1 and 2,
// with a role whose credentials are canaries, and those of the other clouds.
type metadata struct {
	secret func(name string) string
	now    func() time.Time
}

// metadataAddresses is where AWS machines have it.
var metadataAddresses = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}

const (
	metadataRole  = "worker-node-role"
	metadataToken = "AQAEALu3sV8z0dTq6Wm1JwZyNnb5sXhR2kL9cPfGtVoQeYiU4aMjKg=="
)

func (s *metadata) answer(r *request) *answer {
	if !IsMetadata(r.to.To.Addr()) {
		return nil
	}
	if a := s.cloud(r); a != nil {
		return a
	}
	if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" {
		a := text(http.StatusOK, metadataToken)
		a.header = map[string]string{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "21600"}
		return a
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/latest/")
	if !ok && (r.URL.Path == "/" || r.URL.Path == "/latest") {
		return text(http.StatusOK, "latest\n")
	}
	path = strings.TrimSuffix(path, "/")
	if path == "meta-data/iam/security-credentials/"+metadataRole {
		return s.credentials()
	}
	if value, ok := metadataValues[path]; ok {
		return text(http.StatusOK, value)
	}
	return notFound()
}

var metadataValues = map[string]string{
	"":                                      "dynamic\nmeta-data\nuser-data",
	"meta-data":                             "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-ipv4\nmac\nplacement/\npublic-ipv4\nsecurity-groups",
	"meta-data/ami-id":                      "ami-0abcdef1234567890",
	"meta-data/hostname":                    "ip-172-31-20-11.ec2.internal",
	"meta-data/instance-id":                 "i-0123456789abcdef0",
	"meta-data/instance-type":               "m5.xlarge",
	"meta-data/local-ipv4":                  "172.31.20.11",
	"meta-data/mac":                         "0e:49:61:0f:c3:11",
	"meta-data/public-ipv4":                 ownAddress,
	"meta-data/security-groups":             "default",
	"meta-data/placement":                   "availability-zone\nregion",
	"meta-data/placement/region":            "us-east-1",
	"meta-data/iam":                         "info\nsecurity-credentials/",
	"meta-data/iam/security-credentials":    metadataRole,
	"dynamic/instance-identity/document":    `{"accountId":"123456789012","instanceId":"i-0123456789abcdef0","region":"us-east-1"}`,
	"meta-data/placement/availability-zone": "us-east-1a",
}

func (s *metadata) credentials() *answer {
	now := s.now().UTC()
	body, err := json.MarshalIndent(map[string]string{
		"Code": "Success", "Type": "AWS-HMAC",
		"LastUpdated": now.Format(time.RFC3339), "Expiration": now.Add(6 * time.Hour).Format(time.RFC3339),
		"AccessKeyId":     s.secret(canary.IMDSAccessKeyID),
		"SecretAccessKey": s.secret(canary.IMDSSecretKey),
		"Token":           s.secret(canary.IMDSSessionToken),
	}, "", "  ")
	if err != nil { // strings always marshal
		return notFound()
	}
	return jsonText(http.StatusOK, string(body))
}
