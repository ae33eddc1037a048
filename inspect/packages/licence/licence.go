package licence

import (
	"regexp"
	"slices"
	"strings"

	"github.com/github/go-spdx/v2/spdxexp"
)

// Unknown is SPDX's word for a licence of which nobody says what it is.
const Unknown = "NOASSERTION"

const (
	maxText = 1000 // bytes of one statement
	maxList = 100  // licences of one package
)

// aliases are names that are no SPDX identifiers, in lower case.
var aliases = map[string]string{
	"expat": "MIT", "mit/x11": "MIT", "x11": "X11", "mit-license": "MIT",
	"apache-2": "Apache-2.0", "apache2": "Apache-2.0", "apache 2": "Apache-2.0", "asl-2.0": "Apache-2.0", "asl 2.0": "Apache-2.0", "asl 1.1": "Apache-1.1", "asl2.0": "Apache-2.0",
	"artistic": "Artistic-1.0", "artistic-2": "Artistic-2.0", "artistic 2.0": "Artistic-2.0", "perl": "Artistic-1.0-Perl",
	"bsd-3": "BSD-3-Clause", "bsd-2": "BSD-2-Clause", "bsd-3-clauses": "BSD-3-Clause", "bsd-2-clauses": "BSD-2-Clause", "bsd 3-clause": "BSD-3-Clause", "bsd 2-clause": "BSD-2-Clause", "bsd-3clause": "BSD-3-Clause", "bsd3": "BSD-3-Clause", "bsd2": "BSD-2-Clause",
	"mplv1.0": "MPL-1.0", "mplv1.1": "MPL-1.1", "mplv2.0": "MPL-2.0", "mpl-2": "MPL-2.0",
	"zlib/libpng": "zlib-acknowledgement", "psf": "PSF-2.0", "python": "Python-2.0", "openssl": "OpenSSL", "boost": "BSL-1.0", "bsl-1": "BSL-1.0",
	"gfdl": "GFDL-1.3-or-later", "cc0": "CC0-1.0", "unlicense": "Unlicense", "vim": "Vim", "ofl": "OFL-1.1", "openldap": "OLDAP-2.8", "w3c": "W3C", "isc": "ISC",
	"gpl+": "GPL-1.0-or-later", "lgpl+": "LGPL-2.0-or-later",
}

// gnu is a licence of the GNU project in the names of Debian (GPL-2+) and Fedora (GPLv2+).
var gnu = regexp.MustCompile(`^(a|l)?(gpl|gfdl)(-|v| v| )?([0-9](?:\.[0-9]+)*)(\+|\.0\+| or later|-or-later|-only)?$`)

var parts = regexp.MustCompile(`(?i)\s+(?:and/or|and|or|with)\s+|[,|&;()]`)

// Parse lists the licences in one statement.
func Parse(text string) []string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if text == "" || text == Unknown || text == "NONE" {
		return nil
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	if ids, err := spdxexp.ExtractLicenses(text); err == nil {
		return Join(ids)
	}
	var all []string
	for _, word := range parts.Split(text, -1) {
		if word = strings.TrimSpace(word); word != "" && !exception(word) {
			all = append(all, named(word)...)
		}
	}
	return Join(all)
}

// named are the licences in text without operators: one, or several with
// blanks between them, as Alpine once wrote them.
func named(text string) []string {
	words := strings.Fields(text)
	ids := make([]string, len(words))
	for i, w := range words {
		if ids[i] = Identifier(w); ids[i] == w && !active(w) {
			return []string{Identifier(text)}
		}
	}
	return ids
}

func active(id string) bool {
	ok, _ := spdxexp.ActiveLicense(id)
	return ok
}

// exception tells whether word is what stands behind "with".
func exception(word string) bool {
	word = strings.ToLower(word)
	return strings.HasSuffix(word, "exception") || strings.HasSuffix(word, "exceptions")
}

// Identifier is the SPDX identifier of one licence, or name itself.
func Identifier(name string) string {
	if ok, id := spdxexp.ActiveLicense(name); ok {
		return id
	}
	lower := strings.ToLower(name)
	if id, ok := aliases[lower]; ok {
		return id
	}
	if m := gnu.FindStringSubmatch(lower); m != nil {
		version := m[4]
		if !strings.Contains(version, ".") {
			version += ".0"
		}
		id := strings.ToUpper(m[1]+m[2]) + "-" + version
		switch m[5] {
		case "":
			id += "-only"
		case "-only":
			id += m[5]
		default:
			id += "-or-later"
		}
		if ok, id := spdxexp.ActiveLicense(id); ok {
			return id
		}
	}
	return name
}

// Join merges lists: sorted, each once.
func Join(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), maxList)]
}
