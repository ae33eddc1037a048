package responder

import (
	"crypto/md5" //nolint:gosec // what S3 calls an entity's tag
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
)

// aws is the services of AWS to whoever signs requests with a key: who am I
// (STS), and storage (S3, also what imitates it elsewhere). Every key is good,
// so that what is done with it is seen; whether it is one of ours is noted.
type aws struct {
	secret func(name string) string
	now    func() time.Time
}

// awsScope is a Signature Version 4: in the Authorization header, or in the
// address (X-Amz-Credential).
var (
	awsSigned = regexp.MustCompile(`^AWS4-(?:HMAC-SHA256|ECDSA-P256-SHA256) .*?Credential=([A-Za-z0-9]{8,128})/([^,\s]{1,200})`)
	awsScope  = regexp.MustCompile(`^(?:\d{8}/)?(?:([a-z0-9-]+)/)?([a-z0-9-]+)/aws4_request$`)
)

const awsAccount = "123456789012"

func (s *aws) answer(r *request) *answer {
	key, scope := s.signature(r)
	action := value(r, "Action")
	if key == "" && (!below(r.host, []string{"amazonaws.com"}) || !strings.HasPrefix(action, "AssumeRoleWith")) {
		return nil // storage that is open to everybody is for the other sites
	}
	region, service := "", ""
	if m := awsScope.FindStringSubmatch(scope); m != nil {
		region, service = m[1], m[2]
	}
	fields := map[string]string{}
	put(fields, "access_key", key)
	put(fields, "service", service)
	put(fields, "region", region)
	for _, name := range []string{canary.AWSAccessKeyID, canary.IMDSAccessKeyID} {
		if key != "" && key == s.secret(name) {
			fields["canary"] = name
		}
	}
	var a *answer
	switch {
	case service == "sts" || action != "" && service == "":
		a = s.tokens(action)
	case service == "s3" || service == "s3express":
		action, a = s.storage(r, fields)
	default:
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			_, action, _ = strings.Cut(target, ".")
			a = &answer{status: http.StatusOK, kind: "application/x-amz-json-1.1", body: []byte("{}")}
			break
		}
		if action == "" {
			action = r.Method + " " + r.URL.Path
		}
		a = awsXML(http.StatusOK, "<"+awsName(action)+"Response><ResponseMetadata><RequestId>"+awsRequest+"</RequestId></ResponseMetadata></"+awsName(action)+"Response>")
	}
	a.app, a.message = "aws", &message{kind: clip(action), fields: fields}
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header["X-Amzn-Requestid"], a.header["Server"] = awsRequest, "AmazonS3"
	if service != "s3" {
		delete(a.header, "Server")
	}
	return a
}

const awsRequest = "c6104cbe-af31-11e0-8154-cbc7ccf896c7"

// signature is the key and what it is used for; empty for a request without.
func (s *aws) signature(r *request) (key, scope string) {
	if m := awsSigned.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[1], m[2]
	}
	key, scope, _ = strings.Cut(r.URL.Query().Get("X-Amz-Credential"), "/")
	if scope == "" {
		return "", ""
	}
	return clip(key), clip(scope)
}

// tokens is STS. AWS STS API reference, 2011-06-15.
func (s *aws) tokens(action string) *answer {
	switch {
	case action == "GetCallerIdentity":
		return awsXML(http.StatusOK, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::`+awsAccount+`:user/builder</Arn><UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>`+awsAccount+`</Account>`+
			`</GetCallerIdentityResult><ResponseMetadata><RequestId>`+awsRequest+`</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
	case strings.HasPrefix(action, "AssumeRole") || action == "GetSessionToken" || action == "GetFederationToken":
		return awsXML(http.StatusOK, `<`+awsName(action)+`Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><`+awsName(action)+`Result><Credentials>`+
			`<AccessKeyId>`+s.secret(canary.IMDSAccessKeyID)+`</AccessKeyId><SecretAccessKey>`+s.secret(canary.IMDSSecretKey)+`</SecretAccessKey>`+
			`<SessionToken>`+s.secret(canary.IMDSSessionToken)+`</SessionToken><Expiration>`+s.now().UTC().Add(time.Hour).Format(time.RFC3339)+`</Expiration></Credentials>`+
			`</`+awsName(action)+`Result><ResponseMetadata><RequestId>`+awsRequest+`</RequestId></ResponseMetadata></`+awsName(action)+`Response>`)
	}
	return awsXML(http.StatusBadRequest, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code>`+
		`<Message>Could not find operation</Message></Error><RequestId>`+awsRequest+`</RequestId></ErrorResponse>`)
}

// storage is S3. Amazon S3 API reference, 2006-03-01; buckets by path or by host.
func (s *aws) storage(r *request, fields map[string]string) (action string, a *answer) {
	bucket, object := awsBucket(r)
	put(fields, "bucket", bucket)
	put(fields, "object", object)
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	query := r.URL.Query()
	switch {
	case bucket == "" && r.Method == http.MethodGet:
		return "ListBuckets", awsXML(http.StatusOK, `<ListAllMyBucketsResult`+ns+`><Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID><DisplayName>builder</DisplayName></Owner>`+
			`<Buckets><Bucket><Name>builder-backups</Name><CreationDate>2024-02-03T16:45:09.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`)
	case object == "" && r.Method == http.MethodGet && query.Has("location"):
		return "GetBucketLocation", awsXML(http.StatusOK, `<LocationConstraint`+ns+`/>`)
	case object == "" && r.Method == http.MethodGet:
		return "ListObjects", awsXML(http.StatusOK, `<ListBucketResult`+ns+`><Name>`+awsText(bucket)+`</Name><Prefix></Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>`+
			`<Contents><Key>backup.sql</Key><LastModified>2024-02-03T16:45:09.000Z</LastModified><ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`)
	case object == "" && r.Method == http.MethodPut:
		return "CreateBucket", &answer{status: http.StatusOK, header: map[string]string{"Location": "/" + bucket}}
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "CreateMultipartUpload", awsXML(http.StatusOK, `<InitiateMultipartUploadResult`+ns+`><Bucket>`+awsText(bucket)+`</Bucket><Key>`+awsText(object)+`</Key><UploadId>VXBsb2FkSUQ</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "CompleteMultipartUpload", awsXML(http.StatusOK, `<CompleteMultipartUploadResult`+ns+`><Bucket>`+awsText(bucket)+`</Bucket><Key>`+awsText(object)+`</Key><ETag>"3858f62230ac3c915f300c664312c11f-1"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodPut:
		sum := md5.Sum(r.body) //nolint:gosec
		return "PutObject", &answer{status: http.StatusOK, header: map[string]string{"Etag": `"` + hex.EncodeToString(sum[:]) + `"`, "X-Amz-Request-Id": awsRequest}}
	case r.Method == http.MethodDelete:
		return "DeleteObject", &answer{status: http.StatusNoContent}
	case object == "" && r.Method == http.MethodHead:
		return "HeadBucket", &answer{status: http.StatusOK, kind: "application/xml"}
	}
	return map[bool]string{true: "HeadObject", false: "GetObject"}[r.Method == http.MethodHead], awsXML(http.StatusNotFound,
		`<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>`+awsText(object)+`</Key><RequestId>`+awsRequest+`</RequestId></Error>`)
}

// awsBucket is the bucket and the object that a request is about.
func awsBucket(r *request) (bucket, object string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if below(r.host, []string{"amazonaws.com"}) {
		if name, _, ok := strings.Cut(r.host, ".s3"); ok {
			return clip(name), clip(path)
		}
	}
	bucket, object, _ = strings.Cut(path, "/")
	return clip(bucket), clip(object)
}

func awsXML(status int, body string) *answer {
	return &answer{status: status, kind: "text/xml", body: []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + body)}
}

// awsName is an action as the name of an element: nothing of the guest's but letters.
func awsName(action string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			return c
		}
		return -1
	}, clip(action))
}

func awsText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // to memory: cannot fail
	return b.String()
}
