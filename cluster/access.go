package cluster

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var accessReviews = schema.GroupVersionResource{Group: authorizationv1.GroupName, Version: "v1", Resource: "subjectaccessreviews"}

// The right to break the glass: a verb and a resource that exist in roles only.
const (
	RightGroup    = "sallyport.dev"
	RightResource = "images"
	RightVerb     = "break-glass"
)

// MayBreakGlass asks the API server whether the user has the right to break
// the glass in a namespace; reason says by which role, or why not. Nothing is
// remembered: a right that is taken away is gone. An error is no permission.
func (c *Cluster) MayBreakGlass(ctx context.Context, user authenticationv1.UserInfo, namespace string) (allowed bool, reason string, err error) {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	ask, err := Encode(authorizationv1.SchemeGroupVersion.String(), "SubjectAccessReview", &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Group: RightGroup, Resource: RightResource, Verb: RightVerb,
			},
		},
	})
	if err != nil {
		return false, "", err
	}
	ctx, cancel := c.request(ctx)
	defer cancel()
	doing := fmt.Sprintf("asking whether %s may break the glass in %s", user.Username, namespace)
	answer, err := c.api.Resource(accessReviews).Create(ctx, ask, metav1.CreateOptions{})
	if err != nil {
		return false, "", Explain(err, doing, "create", "subjectaccessreviews.authorization.k8s.io")
	}
	review, err := Decode[authorizationv1.SubjectAccessReview](answer)
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", doing, err)
	}
	s := review.Status
	if !s.Allowed && s.EvaluationError != "" {
		// An authoriser failed, so that a permission may have been missed.
		return false, "", fmt.Errorf("%s: %s", doing, s.EvaluationError)
	}
	return s.Allowed && !s.Denied, s.Reason, nil
}
