package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// maxReview bounds the body of a request, in bytes: an API server stores
	// objects of up to 3 MiB, and a review carries two of them.
	maxReview = 8 << 20
	// defaultTimeout is the API server's when a webhook's configuration has none.
	defaultTimeout = 10 * time.Second
	// maxTimeout is the most that a configuration can give (timeoutSeconds).
	maxTimeout = 30 * time.Second
)

// reviewType is the only version of the interface that is spoken.
var reviewType = metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}

// badReview is a request that is no AdmissionReview.
type badReview struct {
	status int // of HTTP
	reason string
}

func (b *badReview) Error() string { return b.reason }

// innerTimeout is how long a review may be worked on: a second less than the
// API server waits, which it tells in the query.
func innerTimeout(r *http.Request) time.Duration {
	timeout := defaultTimeout
	if d, err := time.ParseDuration(r.URL.Query().Get("timeout")); err == nil && d > 0 && d <= maxTimeout {
		timeout = d
	}
	return max(timeout-time.Second, timeout/2)
}

// readReview reads the request of an AdmissionReview. Every error is a *badReview.
func readReview(rw http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionRequest, error) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/json" {
		return nil, &badReview{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %q: send application/json", r.Header.Get("Content-Type"))}
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxReview))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return nil, &badReview{http.StatusRequestEntityTooLarge, fmt.Sprintf("the review is larger than %d bytes", maxReview)}
	}
	if err != nil {
		return nil, &badReview{http.StatusBadRequest, "reading the review: " + err.Error()}
	}
	return parseReview(body)
}

func parseReview(body []byte) (*admissionv1.AdmissionRequest, error) {
	bad := func(format string, args ...any) (*admissionv1.AdmissionRequest, error) {
		return nil, &badReview{http.StatusBadRequest, fmt.Sprintf(format, args...)}
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		return bad("not an AdmissionReview: %v", err)
	}
	switch {
	case review.TypeMeta != reviewType:
		return bad("apiVersion %q and kind %q are not admission.k8s.io/v1 AdmissionReview: register the webhook with admissionReviewVersions [v1]",
			review.APIVersion, review.Kind)
	case review.Request == nil:
		return bad("the AdmissionReview has no request")
	case review.Request.UID == "":
		return bad("the AdmissionReview's request has no uid")
	}
	return review.Request, nil
}

// envelope is the answer to the request uid as it is sent.
func envelope(uid types.UID, answer *admissionv1.AdmissionResponse) *admissionv1.AdmissionReview {
	answer.UID = uid
	return &admissionv1.AdmissionReview{TypeMeta: reviewType, Response: answer}
}
