// Command image packs built binaries of Sallyport into a container image: what
// `make image` runs.
//
// Static binaries enter, one for each architecture. An OCI layout with the
// image and its bills of materials leaves, and a file for `docker load` per
// architecture. There is no base image: beside the binary are the roots of
// public TLS certificates, as Mozilla publishes them, a passwd file, and the
// folders that are written to. The same binaries make the same digests. No
// registry and no container engine is needed; with -push the image goes to a registry.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	out := flag.String("out", "build/image", "folder of the OCI layout, replaced")
	tag := flag.String("tag", "sallyport:devel", "name of the image for docker load, and its tag in the layout")
	version := flag.String("version", "devel", "version for the image's labels")
	push := flag.String("push", "", "reference to push to, with the bills of materials; empty: none")
	insecure := flag.Bool("insecure", false, "push in clear text")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("name the binaries to pack, one for each architecture")
	}
	if err := run(*out, *tag, *version, *push, *insecure, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(out, tag, version, push string, insecure bool, binaries []string) error {
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	var packed []platformImage
	for _, file := range binaries {
		p, err := pack(file, version)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		packed = append(packed, p)
	}
	index, err := assemble(packed)
	if err != nil {
		return err
	}
	if err := writeLayout(out, ref.TagStr(), index, packed); err != nil {
		return err
	}
	for _, p := range packed {
		base := filepath.Join(filepath.Dir(out), "sallyport-"+p.platform.OS+"-"+p.platform.Architecture)
		if err := tarball.WriteToFile(base+".tar", ref, p.image); err != nil {
			return err
		}
		if err := os.WriteFile(base+".cdx.json", p.bill, 0o644); err != nil {
			return err
		}
		log.Printf("%s.tar: docker load; %s.cdx.json: bill of materials", base, base)
	}
	d, err := index.Digest()
	if err != nil {
		return err
	}
	log.Printf("%s: OCI layout of %s, %s", out, ref.Name(), d)
	if push == "" {
		return nil
	}
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	to, err := name.NewTag(push, options...)
	if err != nil {
		return err
	}
	return pushAll(to, index, packed)
}

// pushAll pushes the image, then what refers to it.
func pushAll(to name.Tag, index v1.ImageIndex, packed []platformImage) error {
	keychain := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if err := remote.WriteIndex(to, index, keychain); err != nil {
		return err
	}
	for _, p := range packed {
		bill, err := p.referrer()
		if err != nil {
			return err
		}
		d, err := bill.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(to.Context().Digest(d.String()), bill, keychain); err != nil {
			return fmt.Errorf("pushing the bill of materials of %s: %w", p.platform, err)
		}
	}
	log.Printf("pushed: %s", to)
	return nil
}
