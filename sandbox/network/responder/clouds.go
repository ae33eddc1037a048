package responder

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
)

// Addresses at which clouds serve metadata besides the usual one.
var (
	ecsAddress     = netip.MustParseAddr("169.254.170.2")  // AWS: containers' credentials
	eksAddress     = netip.MustParseAddr("169.254.170.23") // AWS: pods' identities
	alibabaAddress = netip.MustParseAddr("100.100.100.200")
)

// IsMetadata tells whether an address is that of a metadata service.
func IsMetadata(a netip.Addr) bool {
	return slices.Contains(metadataAddresses, a) || a == ecsAddress || a == eksAddress || a == alibabaAddress
}

// cloud answers what is asked of the clouds other than AWS's machines. Each has
// its own way to keep requests out that a browser could be made to send.
func (s *metadata) cloud(r *request) *answer {
	path := r.URL.Path
	switch at := r.to.To.Addr(); {
	case at == ecsAddress || at == eksAddress:
		return s.containers(path)
	case at == alibabaAddress:
		return s.alibaba(path)
	case strings.HasPrefix(path, "/computeMetadata/"):
		return s.google(r)
	case strings.HasPrefix(path, "/metadata/") && !strings.HasPrefix(path, "/metadata/v1"):
		return s.azure(r)
	}
	return nil
}

// containers is AWS ECS, "Task IAM role" and "Task metadata", and EKS Pod Identity.
func (s *metadata) containers(path string) *answer {
	switch {
	case strings.HasPrefix(path, "/v2/credentials") || strings.HasPrefix(path, "/v1/credentials"):
		now := s.now().UTC()
		return jsonText(http.StatusOK, asJSON(map[string]string{
			"RoleArn": "arn:aws:iam::123456789012:role/" + metadataRole, "Expiration": now.Add(6 * time.Hour).Format(time.RFC3339),
			"AccessKeyId": s.secret(canary.IMDSAccessKeyID), "SecretAccessKey": s.secret(canary.IMDSSecretKey), "Token": s.secret(canary.IMDSSessionToken),
		}))
	case strings.HasPrefix(path, "/v2/metadata") || strings.HasPrefix(path, "/v3") || strings.HasPrefix(path, "/v4"):
		return jsonText(http.StatusOK, `{"Cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/default","Family":"web","Revision":"7","DesiredStatus":"RUNNING","KnownStatus":"RUNNING",`+
			`"Containers":[{"Name":"web","Image":"nginx:1.25","Type":"NORMAL"}],"AvailabilityZone":"us-east-1a"}`)
	}
	return notFound()
}

var googleValues = map[string]string{
	"":                                         "instance/\noslogin/\nproject/\n",
	"project":                                  "attributes/\nnumeric-project-id\nproject-id\n",
	"project/project-id":                       "builds-413807",
	"project/numeric-project-id":               "417730521994",
	"project/attributes":                       "ssh-keys\n",
	"project/attributes/ssh-keys":              "",
	"instance":                                 "attributes/\nhostname\nid\nimage\nmachine-type\nname\nservice-accounts/\nzone\n",
	"instance/hostname":                        "node-7.c.builds-413807.internal",
	"instance/name":                            "node-7",
	"instance/id":                              "5832750391480261133",
	"instance/zone":                            "projects/417730521994/zones/us-central1-a",
	"instance/machine-type":                    "projects/417730521994/machineTypes/e2-standard-4",
	"instance/attributes":                      "cluster-name\nkube-env\n",
	"instance/attributes/cluster-name":         "builds",
	"instance/service-accounts":                "default/\n",
	"instance/service-accounts/default":        "aliases\nemail\nidentity\nscopes\ntoken\n",
	"instance/service-accounts/default/email":  "417730521994-compute@developer.gserviceaccount.com",
	"instance/service-accounts/default/scopes": "https://www.googleapis.com/auth/cloud-platform\n",
	"instance/network-interfaces/0/ip":         "10.128.0.7",
	"instance/network-interfaces/0/access-configs/0/external-ip": ownAddress,
}

// google is Google Compute Engine, "VM metadata".
func (s *metadata) google(r *request) *answer {
	var a *answer
	path, ok := strings.CutPrefix(r.URL.Path, "/computeMetadata/v1")
	path = strings.Trim(path, "/")
	account, isAccount := strings.CutPrefix(path, "instance/service-accounts/")
	name, what, _ := strings.Cut(account, "/")
	if isAccount && strings.HasSuffix(name, ".gserviceaccount.com") {
		path = strings.TrimSuffix("instance/service-accounts/default/"+what, "/")
	}
	value, known := googleValues[path]
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		a = text(http.StatusForbidden, "Missing Metadata-Flavor:Google header.\n")
	case !ok:
		a = text(http.StatusOK, "0.1/\nv1/\n")
	case isAccount && what == "token":
		a = jsonText(http.StatusOK, asJSON(map[string]any{"access_token": s.secret(canary.IMDSGoogleToken), "expires_in": 3599, "token_type": "Bearer"}))
	case isAccount && what == "identity":
		a = text(http.StatusOK, s.secret(canary.IMDSGoogleToken))
	case known:
		a = text(http.StatusOK, value)
	default:
		a = notFound()
	}
	a.header = map[string]string{"Metadata-Flavor": "Google", "Server": "Metadata Server for VM"}
	return a
}

// azure is Azure's "Instance Metadata Service" and "managed identities".
func (s *metadata) azure(r *request) *answer {
	if !strings.EqualFold(r.Header.Get("Metadata"), "true") {
		return jsonText(http.StatusBadRequest, `{"error":"Bad request. Required metadata header not specified"}`)
	}
	if r.URL.Query().Get("api-version") == "" && !strings.HasPrefix(r.URL.Path, "/metadata/versions") {
		return jsonText(http.StatusBadRequest, `{"error":"Bad request. api-version was not specified in the request","newest-versions":["2023-07-01","2021-12-13"]}`)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/metadata/instance"):
		return jsonText(http.StatusOK, `{"compute":{"azEnvironment":"AzurePublicCloud","location":"westeurope","name":"node-7","osType":"Linux","resourceGroupName":"builds","sku":"22_04-lts",`+
			`"subscriptionId":"7f1c64b0-2f3e-4a0e-9d61-3c5f0c1e2a9b","vmId":"5c08b38e-4d57-4c23-ac45-aca61037f084","vmSize":"Standard_D4s_v3"},`+
			`"network":{"interface":[{"ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.7","publicIpAddress":"`+ownAddress+`"}]},"macAddress":"000D3AF806EC"}]}}`)
	case strings.HasPrefix(r.URL.Path, "/metadata/identity/oauth2/token"):
		return jsonText(http.StatusOK, asJSON(map[string]string{
			"access_token": s.secret(canary.IMDSAzureToken), "client_id": "3c0a5b58-5f1e-4d5a-8d0c-6a3b9d2f7e41", "expires_in": "86399",
			"expires_on": s.now().Add(24 * time.Hour).UTC().Format("20060102150405"), "resource": r.URL.Query().Get("resource"), "token_type": "Bearer",
		}))
	case strings.HasPrefix(r.URL.Path, "/metadata/versions"):
		return jsonText(http.StatusOK, `{"apiVersions":["2021-12-13","2023-07-01"]}`)
	}
	return jsonText(http.StatusNotFound, `{"error":"Not found"}`)
}

var alibabaValues = map[string]string{
	"meta-data":                          "hostname\nimage-id\ninstance-id\nprivate-ipv4\nram/\nregion-id\nzone-id",
	"meta-data/hostname":                 "node-7",
	"meta-data/instance-id":              "i-bp1a2b3c4d5e6f7g8h9i",
	"meta-data/region-id":                "cn-hangzhou",
	"meta-data/zone-id":                  "cn-hangzhou-i",
	"meta-data/private-ipv4":             "172.31.20.11",
	"meta-data/image-id":                 "aliyun_3_x64_20G_alibase_20240528.vhd",
	"meta-data/ram":                      "security-credentials/",
	"meta-data/ram/security-credentials": metadataRole,
	"":                                   "dynamic\nmeta-data\nuser-data",
}

// alibaba is Alibaba Cloud ECS, "Instance metadata".
func (s *metadata) alibaba(path string) *answer {
	path = strings.Trim(strings.TrimPrefix(path, "/latest"), "/")
	if path == "api/token" {
		return text(http.StatusOK, metadataToken)
	}
	if path == "meta-data/ram/security-credentials/"+metadataRole {
		return jsonText(http.StatusOK, asJSON(map[string]string{
			"AccessKeyId": s.secret(canary.IMDSAccessKeyID), "AccessKeySecret": s.secret(canary.IMDSSecretKey), "SecurityToken": s.secret(canary.IMDSAlibabaToken),
			"Expiration": s.now().UTC().Add(6 * time.Hour).Format(time.RFC3339), "LastUpdated": s.now().UTC().Format(time.RFC3339), "Code": "Success",
		}))
	}
	if value, ok := alibabaValues[path]; ok {
		return text(http.StatusOK, value)
	}
	return notFound()
}
