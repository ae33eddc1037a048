#!/bin/sh
# Makes the databases in this folder: rpmdb.sqlite.gz with Debian's rpm (4.18);
# Packages.db.gz (NDB, of SLE 15) and Packages.gz (Berkeley DB) are those of the
# tests of github.com/knqyf263/go-rpmdb (MIT), since that rpm writes neither.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spec() { # name epoch version release arch licence
	cat >"$work/$1.spec" <<END
Name: $1
${2:+Epoch: $2}
Version: $3
Release: $4
Summary: fixture
License: $6
$([ "$5" = noarch ] && echo "BuildArch: noarch")
%description
fixture
%files
END
	rpmbuild -bb --quiet --define "_topdir $work" --define "_build_id_links none" "$work/$1.spec"
}
spec bash "" 5.2.26 3.fc40 noarch GPL-3.0-or-later
spec openssl-libs 1 3.2.1 2.fc40 noarch Apache-2.0
spec tzdata "" 2024a 5.fc40 noarch "LicenseRef-Fedora-Public-Domain AND (GPL-2.0-only WITH ClassPath-exception-2.0)"
spec shadow-utils 2 4.15.1 3.fc40 noarch "BSD-3-Clause AND GPLv2+"
rpm --dbpath "$work/db" -i --justdb --nodeps --nosignature "$work"/RPMS/*/*.rpm 2>/dev/null
gzip -9nc "$work/db/rpmdb.sqlite" >"$here/rpmdb.sqlite.gz"
library=$(go mod download -json github.com/knqyf263/go-rpmdb@v0.1.1 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
gzip -9nc "$library/pkg/testdata/sle15-bci/Packages.db" >"$here/Packages.db.gz"
gzip -9nc "$library/pkg/testdata/libuuid/Packages" >"$here/Packages.gz"
