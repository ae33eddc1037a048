package responder

import (
	"net/http"
	"regexp"
	"strings"
)

// publish is where packages, images and commits are published: the writing
// side of npm, PyPI, GitHub and container registries, for a builder who may.
// Their reading side has nothing to offer, but for the packages that are the
// builder's own.
type publish struct{}

// registryWrite is a push: Docker Registry HTTP API V2.
var registryWrite = regexp.MustCompile(`^/v2/.+/(blobs/uploads/|manifests/[^/]+$)`)

// publishHosts by what they keep.
var (
	npmHosts    = []string{"registry.npmjs.org", "registry.yarnpkg.com", "npm.pkg.github.com"}
	pypiHosts   = []string{"upload.pypi.org", "test.pypi.org"}
	githubHosts = []string{"api.github.com", "uploads.github.com"}
	imageHosts  = []string{"registry-1.docker.io", "index.docker.io", "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws"}
)

func (publish) answer(r *request) *answer {
	writes := r.Method == http.MethodPut || r.Method == http.MethodPost || r.Method == http.MethodPatch
	switch {
	case below(r.host, npmHosts):
		return npm(r)
	case below(r.host, pypiHosts) && writes:
		return published(text(http.StatusOK, ""), "pypi", bodyValue(r.Header.Get("Content-Type"), r.body, "name"))
	case below(r.host, githubHosts):
		return github(r, writes)
	case below(r.host, imageHosts) && writes && registryWrite.MatchString(r.URL.Path):
		a := &answer{status: http.StatusCreated}
		if strings.Contains(r.URL.Path, "/blobs/uploads/") {
			a.status = http.StatusAccepted
			a.header = map[string]string{"Location": "/v2/uploads/7c0f"}
		}
		return published(a, "image", r.URL.Path)
	}
	return nil
}

func published(a *answer, kind, name string) *answer {
	fields := map[string]string{"kind": kind}
	put(fields, "name", name)
	a.app, a.message = "publish", &message{kind: "publish", fields: fields}
	return a
}

// npm knows a maintainer with one package. npm registry API, "registry" and
// "user" documents.
func npm(r *request) *answer {
	switch {
	case r.URL.Path == "/-/whoami":
		return jsonText(http.StatusOK, `{"username":"builder"}`)
	case strings.HasPrefix(r.URL.Path, "/-/v1/search"):
		return jsonText(http.StatusOK, `{"objects":[{"package":{"name":"builder-tools","version":"1.4.2","maintainers":[{"username":"builder"}]}}],"total":1}`)
	case strings.HasPrefix(r.URL.Path, "/-/org/") || strings.HasPrefix(r.URL.Path, "/-/user/"):
		return jsonText(http.StatusOK, `{"builder-tools":"write"}`)
	case r.Method == http.MethodGet && r.URL.Path == "/builder-tools":
		return jsonText(http.StatusOK, `{"name":"builder-tools","dist-tags":{"latest":"1.4.2"},"versions":{"1.4.2":{"name":"builder-tools","version":"1.4.2"}}}`)
	case r.Method == http.MethodPut:
		return published(jsonText(http.StatusCreated, `{"ok":true,"success":true}`), "npm", strings.TrimPrefix(r.URL.Path, "/"))
	}
	return nil
}

// githubWrite changes a repository. GitHub REST API, version 2022-11-28.
var githubWrite = regexp.MustCompile(`^/(user/repos|repos/[^/]+/[^/]+/(contents/.+|git/(refs|commits|trees|blobs)|pulls|forks|releases|hooks|keys|actions/.+|merges|dispatches))`)

func github(r *request, writes bool) *answer {
	switch {
	case writes && githubWrite.MatchString(r.URL.Path):
		return published(jsonText(http.StatusCreated, `{"id":1,"name":"tools","full_name":"builder/tools","sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}`), "github", r.URL.Path)
	case r.URL.Path == "/user":
		return jsonText(http.StatusOK, `{"login":"builder","id":1000001}`)
	case r.URL.Path == "/user/repos":
		return jsonText(http.StatusOK, `[{"id":1,"name":"tools","full_name":"builder/tools","private":true,"permissions":{"push":true},"default_branch":"main"}]`)
	}
	return nil
}
