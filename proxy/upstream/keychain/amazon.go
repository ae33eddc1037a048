package keychain

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/google/go-containerregistry/pkg/authn"
)

// ecrHost is ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com and its like in other
// partitions of AWS.
var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)

// amazon asks ECR for a password. AWS's own credential helper does the same,
// but writes it to a file and ends the process on a damaged AWS configuration.
type amazon struct{}

// Resolve implements authn.Keychain.
func (a *amazon) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return a.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (*amazon) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	host := r.RegistryStr()
	public := host == "public.ecr.aws" || host == "ecr-public.aws.com"
	private := ecrHost.FindStringSubmatch(host)
	if !public && private == nil {
		return authn.Anonymous, nil
	}
	region := "us-east-1" // where the public registry's API is
	options := []func(*config.LoadOptions) error{}
	if private != nil {
		region = private[3]
		if private[2] != "" {
			options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(options, config.WithRegion(region))...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	var token *string
	if public {
		out, err := ecrpublic.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecrpublic.GetAuthorizationTokenInput{})
		if err != nil {
			return nil, fmt.Errorf("asking AWS for a password for %s: %w", host, err)
		}
		if out.AuthorizationData != nil {
			token = out.AuthorizationData.AuthorizationToken
		}
	} else {
		out, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
		if err != nil {
			return nil, fmt.Errorf("asking AWS for a password for %s: %w", host, err)
		}
		if len(out.AuthorizationData) > 0 {
			token = out.AuthorizationData[0].AuthorizationToken
		}
	}
	return basic(aws.ToString(token))
}

// basic reads user and password as ECR gives them.
func basic(token string) (authn.Authenticator, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	user, password, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok || user == "" || password == "" {
		return nil, errors.New("AWS answered with something else than a user and a password")
	}
	return authn.FromConfig(authn.AuthConfig{Username: user, Password: password}), nil
}
