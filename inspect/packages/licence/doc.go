// Package licence turns what packages say about their licences into SPDX
// identifiers, where they are known.
//
// Text in any convention enters (an SPDX expression, Debian's short names,
// Fedora's former ones); a sorted list of identifiers leaves. Alternatives and
// conjunctions are listed alike: who denies a licence denies it as an
// alternative too. What is not known is passed on as it was written.
package licence
