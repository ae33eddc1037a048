package policies

import (
	"strings"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Names are the values of the scope attribute image.name: repository:tag for
// every tag, repository@digest when there is no tag. Docker Hub's official
// images are listed with and without "library/", since people write both.
func (i Image) Names() []string {
	repositories := i.Repositories()
	if len(repositories) == 0 {
		return nil
	}
	names := make([]string, 0, len(repositories)*max(len(i.Tags), 1))
	for _, repository := range repositories {
		for _, tag := range i.Tags {
			names = append(names, repository+":"+tag)
		}
		if len(i.Tags) == 0 && i.Digest != "" {
			names = append(names, repository+"@"+i.Digest)
		}
	}
	return names
}

// Repositories are the values of the scope attribute image.repo.
func (i Image) Repositories() []string {
	if i.Repository == "" {
		return nil
	}
	if short, ok := strings.CutPrefix(i.Repository, "library/"); ok && i.Registry == image.DockerHub {
		return []string{i.Repository, short}
	}
	return []string{i.Repository}
}

// Registries are the values of the scope attribute aqua.registry: the host,
// and what the configuration calls it.
func (i Image) Registries() []string {
	var names []string
	if i.Registry != "" {
		names = append(names, i.Registry)
	}
	if i.RegistryName != "" && i.RegistryName != i.Registry {
		names = append(names, i.RegistryName)
	}
	return names
}

// subject is what scopes are asked about.
func (in *Input) subject() scope.Subject {
	return scope.Subject{
		Names:          in.Image.Names(),
		Repositories:   in.Image.Repositories(),
		Registries:     in.Image.Registries(),
		ImageLabels:    in.Image.Labels,
		Labels:         in.Image.AquaLabels,
		Cluster:        in.Context.Cluster,
		Namespace:      in.Context.Namespace,
		WorkloadLabels: in.Context.Labels,
	}
}

// RunsAsRoot tells whether the image's processes begin as root: by the numeric
// id where it is known, else by what the configuration says.
func (i Image) RunsAsRoot() bool {
	if i.UID != "" {
		return i.UID == "0"
	}
	name := i.userName()
	return name == "root" || strings.Trim(name, "0") == ""
}

func (i Image) userName() string {
	name, _, _ := strings.Cut(i.User, ":")
	return name
}

// account says whether it is known whose rights the image's processes begin
// with. A name stands for any id, until somebody has looked it up in the image.
func (i Image) account() Origin {
	name := i.userName()
	if !i.Account.Known && (i.UID != "" || name == "root" || strings.Trim(name, "0123456789") == "") {
		return Origin{Known: true, Source: i.Account.Source, Time: i.Account.Time}
	}
	return i.Account
}
