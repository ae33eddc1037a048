package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config says which API server, and how much may be asked of it. The zero value
// is that of the pod that the process runs in.
type Config struct {
	Kubeconfig string // file; "" for the pod's service account
	Context    string // of the kubeconfig; "" for its current one
	Namespace  string // the gate's own; "" for that of the service account or of the context

	QPS     float64       // requests per second on average; 0 for 20
	Burst   int           // requests at once after a rest; 0 for twice QPS
	Timeout time.Duration // of one request; 0 for 10 s
	Version string        // of this program, for the user agent
	Logger  *slog.Logger  // nil for slog.Default()
}

// Cluster is an API server. It is safe for concurrent use.
type Cluster struct {
	api       dynamic.Interface
	namespace string
	timeout   time.Duration
	log       *slog.Logger
}

// ErrOutside is of processes that are in no pod and were given no kubeconfig.
var ErrOutside = errors.New("this is no pod of a cluster, and no kubeconfig is set (cluster.kubeconfig)")

// accountDir is where Kubernetes mounts a pod's service account.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// Connect returns the cluster. Nothing is asked yet. Errors wrap ErrOutside
// where there is no cluster to connect to.
func Connect(cfg Config) (*Cluster, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	settings, namespace, err := cfg.load()
	if err != nil {
		return nil, err
	}
	settings.QPS, settings.Burst = float32(cfg.QPS), cfg.Burst
	if settings.QPS == 0 {
		settings.QPS = 20
	}
	if settings.Burst == 0 {
		settings.Burst = int(2 * settings.QPS)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Version == "" {
		cfg.Version = "devel"
	}
	settings.UserAgent = "sallyport/" + cfg.Version
	settings.WarningHandlerWithContext = warnings{cfg.Logger}
	api, err := dynamic.NewForConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("the cluster's client: %w", err)
	}
	return New(api, namespace, cfg.Timeout, cfg.Logger), nil
}

// New returns a cluster that is asked through api. namespace is the gate's own,
// timeout bounds one request.
func New(api dynamic.Interface, namespace string, timeout time.Duration, log *slog.Logger) *Cluster {
	return &Cluster{api: api, namespace: namespace, timeout: timeout, log: log}
}

// Namespace is the gate's own.
func (c *Cluster) Namespace() string { return c.namespace }

// API is the client of everything that has no method here. Its requests have no
// timeout but that of their context.
func (c *Cluster) API() dynamic.Interface { return c.api }

// Logger is where what concerns the cluster is logged.
func (c *Cluster) Logger() *slog.Logger { return c.log }

// load reads how to reach the API server, and the gate's own namespace.
func (cfg Config) load() (*rest.Config, string, error) {
	namespace := cfg.Namespace
	if cfg.Kubeconfig == "" {
		settings, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, "", ErrOutside
		}
		if err != nil {
			return nil, "", fmt.Errorf("the pod's service account: %w; set automountServiceAccountToken", err)
		}
		if namespace == "" {
			b, err := os.ReadFile(filepath.Join(accountDir, "namespace"))
			if err != nil {
				return nil, "", fmt.Errorf("the pod's service account: %w; set cluster.namespace", err)
			}
			namespace = strings.TrimSpace(string(b))
		}
		return settings, namespace, nil
	}
	file := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: cfg.Kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: cfg.Context})
	settings, err := file.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("cluster.kubeconfig %s: %w", cfg.Kubeconfig, err)
	}
	if namespace == "" {
		if namespace, _, err = file.Namespace(); err != nil {
			return nil, "", fmt.Errorf("cluster.kubeconfig %s: %w", cfg.Kubeconfig, err)
		}
	}
	return settings, namespace, nil
}

// InPod tells whether the process runs in a pod whose service account it can use.
func InPod() bool {
	_, err := rest.InClusterConfig()
	return err == nil
}

// warnings puts the API server's warnings where somebody looks for them.
type warnings struct{ log *slog.Logger }

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (w warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _ string, text string) {
	if code == 299 && text != "" {
		w.log.DebugContext(ctx, "the API server warns", "warning", text)
	}
}

// request bounds one request.
func (c *Cluster) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout)
}

// Decode turns what the API server answered into one of its types. Errors do
// not repeat what was read, which may be secret.
func Decode[T any](o *unstructured.Unstructured) (*T, error) {
	into := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return nil, fmt.Errorf("the %s %s/%s is not readable as a %T", o.GetKind(), o.GetNamespace(), o.GetName(), *into)
	}
	return into, nil
}

// Encode turns one of Kubernetes' types into what the client sends.
func Encode(apiVersion, kind string, from any) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(from)
	if err != nil {
		return nil, fmt.Errorf("writing a %s: %w", kind, err)
	}
	o := &unstructured.Unstructured{Object: fields}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	return o, nil
}

// Explain says which right is missing where the API server refused; other
// errors stay as they are. Every error is wrapped.
func Explain(err error, doing, verb, resource string) error {
	if err == nil {
		return nil
	}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Code == http.StatusForbidden {
		return fmt.Errorf("%s: the gate's service account has no right to %s %s (docs/kubernetes.md, Rights): %w", doing, verb, resource, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
