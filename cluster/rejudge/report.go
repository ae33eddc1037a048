package rejudge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/gate"
)

// reportKind is a kind of object in which reports are written.
type reportKind struct {
	resource schema.GroupVersionResource
	kind     string
	source   bool // the object says who wrote it, beside each result
}

// reportKinds in the order of preference: the first that is installed is
// written. The results of both are spelled the same.
var reportKinds = []reportKind{
	{schema.GroupVersionResource{Group: "openreports.io", Version: "v1alpha1", Resource: "reports"}, "Report", true},
	{schema.GroupVersionResource{Group: "wgpolicyk8s.io", Version: "v1alpha2", Resource: "policyreports"}, "PolicyReport", false},
}

const (
	reportName = "sallyport" // of a namespace's report
	managedBy  = "app.kubernetes.io/managed-by"
	// contentMark is equal for reports that say the same.
	contentMark = "sallyport.dev/content"
	maxMessage  = 512 // bytes of one result's
)

// shelf is the reports of one round.
type shelf struct {
	*round
	kind    reportKind
	present map[string]*unstructured.Unstructured // by namespace, without their content
	kept    map[string]bool                       // namespaces
}

// openReports finds out in which kind reports are written, and which there are.
// It returns nil where no kind is installed.
func (r *round) openReports(ctx context.Context) (*shelf, error) {
	for _, kind := range reportKinds {
		s := &shelf{round: r, kind: kind, present: map[string]*unstructured.Unstructured{}, kept: map[string]bool{}}
		err := s.list(ctx)
		if apierrors.IsNotFound(err) {
			continue // the kind is not installed
		}
		if err != nil {
			return nil, cluster.Explain(err, "reading the reports", "list", kind.resource.GroupResource().String())
		}
		return s, nil
	}
	return nil, nil
}

func (s *shelf) list(ctx context.Context) error {
	options := metav1.ListOptions{Limit: 100, LabelSelector: managedBy + "=" + reportName}
	for {
		page, err := s.cfg.Cluster.API().Resource(s.kind.resource).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if o := &page.Items[i]; o.GetName() == reportName {
				bare := &unstructured.Unstructured{}
				bare.SetResourceVersion(o.GetResourceVersion())
				bare.SetAnnotations(map[string]string{contentMark: o.GetAnnotations()[contentMark]})
				s.present[o.GetNamespace()] = bare
			}
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// write reports the violations of a namespace.
func (s *shelf) write(ctx context.Context, namespace string, violations []violation) error {
	s.kept[namespace] = true
	shown := violations[:min(len(violations), s.cfg.Results)]
	content := fingerprint(shown, len(violations))
	old := s.present[namespace]
	if old != nil && old.GetAnnotations()[contentMark] == content {
		return nil
	}
	o := s.report(namespace, shown, len(violations), time.Now())
	o.SetAnnotations(map[string]string{contentMark: content})
	api := s.cfg.Cluster.API().Resource(s.kind.resource).Namespace(namespace)
	var err error
	if old == nil {
		_, err = api.Create(ctx, o, metav1.CreateOptions{})
	} else {
		o.SetResourceVersion(old.GetResourceVersion())
		_, err = api.Update(ctx, o, metav1.UpdateOptions{})
	}
	if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, "NamespaceTerminating") {
		return nil // the namespace has gone, or somebody took the report away
	}
	if err != nil {
		s.metrics.reports.WithLabelValues("failed").Inc()
		return cluster.Explain(err, "writing the report of namespace "+namespace, "create and update", s.kind.resource.GroupResource().String())
	}
	s.metrics.reports.WithLabelValues("written").Inc()
	return nil
}

// clean removes the reports of namespaces in which everything is well.
func (s *shelf) clean(ctx context.Context) error {
	for namespace := range s.present {
		if s.kept[namespace] {
			continue
		}
		err := s.cfg.Cluster.API().Resource(s.kind.resource).Namespace(namespace).Delete(ctx, reportName, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			s.metrics.reports.WithLabelValues("failed").Inc()
			return cluster.Explain(err, "removing the report of namespace "+namespace, "delete", s.kind.resource.GroupResource().String())
		}
		s.metrics.reports.WithLabelValues("removed").Inc()
	}
	return nil
}

// report makes the object: shown of all violations.
func (s *shelf) report(namespace string, shown []violation, all int, now time.Time) *unstructured.Unstructured {
	results := make([]any, len(shown))
	for i, v := range shown {
		results[i] = v.result(namespace, now)
	}
	fields := map[string]any{
		"apiVersion": s.kind.resource.GroupVersion().String(),
		"kind":       s.kind.kind,
		"metadata": map[string]any{
			"namespace": namespace, "name": reportName,
			"labels": map[string]any{managedBy: reportName},
		},
		// All of them, also those that are not shown.
		"summary": map[string]any{"pass": int64(0), "fail": int64(all), "warn": int64(0), "error": int64(0), "skip": int64(0)},
		"results": results,
	}
	if s.kind.source {
		fields["source"] = reportName
		fields["configuration"] = map[string]any{"limits": map[string]any{"maxResults": int64(s.cfg.Results), "statusFilter": []any{"fail"}}}
	}
	return &unstructured.Unstructured{Object: fields}
}

// result is one violation as both kinds spell it.
func (v violation) result(namespace string, now time.Time) map[string]any {
	d := v.decision
	about := map[string]any{"apiVersion": v.owner.APIVersion, "kind": v.owner.Kind, "namespace": namespace, "name": v.owner.Name, "uid": string(v.owner.UID)}
	one := map[string]any{
		"source": reportName, "policy": policyOf(d), "category": "container image", "result": "fail", "scored": true,
		"message":   cluster.Cut(d.Message, maxMessage),
		"resources": []any{about},
		"timestamp": map[string]any{"seconds": now.Unix(), "nanos": int64(0)},
		"properties": map[string]any{
			"image": cluster.Cut(v.unit.written, maxMessage), "digest": d.Reference.Digest.String(), "decision": d.ID, "generation": d.Generation,
		},
	}
	if d.Control != "" {
		one["rule"] = d.Control
	}
	if d.Finding != nil {
		one["severity"] = string(d.Finding.Severity)
	}
	return one
}

// policyOf is what the result names, which must name something.
func policyOf(d gate.Decision) string {
	switch {
	case d.Policy != "":
		return d.Policy
	case d.Permission != "":
		return "explicit permission"
	}
	return "sallyport"
}

// fingerprint is equal for reports that say the same, whenever it was decided.
func fingerprint(shown []violation, all int) string {
	h := sha256.New()
	fmt.Fprintln(h, all)
	for _, v := range shown {
		fmt.Fprintf(h, "%q %q %q %q %q %d\n", v.owner, v.unit.written, v.decision.Reference.Digest, policyOf(v.decision), v.decision.Control, rank(v.decision))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
