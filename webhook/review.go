package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kjson "sigs.k8s.io/json"
)

// maxReview is the largest review that is read, in bytes. The API server takes
// objects up to 3 MiB, and an update carries two of them.
const maxReview = 8 << 20

// maxUID bounds the review's identifier, which is echoed; the API server sends
// 36 characters.
const maxUID = 128

// badReview is an envelope that cannot be answered with an AdmissionReview:
// the HTTP status says what is wrong with it.
type badReview struct {
	status int
	reason string
}

func (e *badReview) Error() string { return e.reason }

// readReview reads the envelope of a review. Every error is a *badReview.
func readReview(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionRequest, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, &badReview{http.StatusUnsupportedMediaType, fmt.Sprintf(
			"Content-Type %q: send an admission.k8s.io/v1 AdmissionReview as application/json", r.Header.Get("Content-Type"))}
	}
	var read bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxReview {
		read.Grow(int(n) + bytes.MinRead)
	}
	_, err = read.ReadFrom(http.MaxBytesReader(w, r.Body, maxReview))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, &badReview{http.StatusRequestEntityTooLarge, fmt.Sprintf(
			"the AdmissionReview is larger than %d bytes", maxReview)}
	}
	if err != nil {
		return nil, &badReview{http.StatusBadRequest, "reading the AdmissionReview: " + err.Error()}
	}
	return decodeReview(read.Bytes())
}

// decodeReview decodes the envelope as the API server writes it. Keys are
// matched with their case, as the API server does: a "Containers" beside
// "containers" is an unknown field, not a second list.
func decodeReview(body []byte) (*admissionv1.AdmissionRequest, error) {
	var review review
	if err := kjson.UnmarshalCaseSensitivePreserveInts(body, &review); err != nil {
		return nil, &badReview{http.StatusBadRequest, "not an AdmissionReview: " + err.Error()}
	}
	gv := admissionv1.SchemeGroupVersion
	switch {
	case review.APIVersion != gv.String() || review.Kind != "AdmissionReview":
		return nil, &badReview{http.StatusBadRequest, fmt.Sprintf(
			"got %q of %q, expected AdmissionReview of %s: list %q in the webhook configuration's admissionReviewVersions",
			review.Kind, review.APIVersion, gv, gv.Version)}
	case review.Request == nil:
		return nil, &badReview{http.StatusBadRequest, "the AdmissionReview has no request"}
	case review.Request.UID == "" || len(review.Request.UID) > maxUID:
		return nil, &badReview{http.StatusBadRequest, fmt.Sprintf(
			"the AdmissionReview's request.uid has %d characters, expected 1 to %d", len(review.Request.UID), maxUID)}
	case review.Request.Operation == "":
		return nil, &badReview{http.StatusBadRequest, "the AdmissionReview's request.operation is empty"}
	}
	q := review.Request
	return &admissionv1.AdmissionRequest{
		UID: q.UID, Kind: q.Kind, SubResource: q.SubResource, Name: q.Name, Namespace: q.Namespace, Operation: q.Operation, DryRun: q.DryRun,
		UserInfo: q.UserInfo, Object: runtime.RawExtension{Raw: q.Object}, OldObject: runtime.RawExtension{Raw: q.OldObject},
	}, nil
}

// review is an AdmissionReview as far as it is read: half of it says the same
// in other words.
type review struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Request    *struct {
		UID         types.UID                 `json:"uid"`
		Kind        metav1.GroupVersionKind   `json:"kind"`
		SubResource string                    `json:"subResource"`
		Name        string                    `json:"name"`
		Namespace   string                    `json:"namespace"`
		Operation   admissionv1.Operation     `json:"operation"`
		UserInfo    authenticationv1.UserInfo `json:"userInfo"`
		Object      json.RawMessage           `json:"object"`
		OldObject   json.RawMessage           `json:"oldObject"`
		DryRun      *bool                     `json:"dryRun"`
	} `json:"request"`
}

// envelope wraps an answer to the review uid.
func envelope(uid types.UID, answer *admissionv1.AdmissionResponse) *admissionv1.AdmissionReview {
	answer.UID = uid
	review := &admissionv1.AdmissionReview{Response: answer}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	return review
}
