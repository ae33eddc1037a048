package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-containerregistry/pkg/authn"
)

// azureUser is the user name under which ACR takes refresh tokens.
const azureUser = "00000000-0000-0000-0000-000000000000"

// azure exchanges the machine's identity for a refresh token of the registry
// (docs of ACR, "Authenticate with the exchange of Microsoft Entra tokens").
type azure struct {
	mu       sync.Mutex
	identity azcore.TokenCredential // tests set it; nil for the machine's
	client   *http.Client           // tests set it; nil for one with a timeout
}

// Resolve implements authn.Keychain.
func (a *azure) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return a.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (a *azure) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	host := r.RegistryStr()
	if !strings.HasSuffix(host, ".azurecr.io") && !strings.HasSuffix(host, ".azurecr.cn") && !strings.HasSuffix(host, ".azurecr.us") {
		return authn.Anonymous, nil
	}
	identity, err := a.who()
	if err != nil {
		return nil, fmt.Errorf("finding Azure's identity for %s: %w", host, err)
	}
	token, err := identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		return nil, fmt.Errorf("finding Azure's identity for %s: %w", host, err)
	}
	refresh, err := a.exchange(ctx, host, token.Token)
	if err != nil {
		return nil, fmt.Errorf("exchanging Azure's identity at %s: %w", host, err)
	}
	return authn.FromConfig(authn.AuthConfig{Username: azureUser, IdentityToken: refresh}), nil
}

func (a *azure) who() (azcore.TokenCredential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.identity == nil {
		c, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, err
		}
		a.identity = c
	}
	return a.identity, nil
}

func (a *azure) exchange(ctx context.Context, host, token string) (string, error) {
	client := a.client
	if client == nil {
		client = &http.Client{Timeout: 30 * time.Second}
	}
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/oauth2/exchange", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it answered %s", resp.Status)
	}
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil {
		return "", err
	}
	if answer.RefreshToken == "" {
		return "", errors.New("its answer has no refresh token")
	}
	return answer.RefreshToken, nil
}
