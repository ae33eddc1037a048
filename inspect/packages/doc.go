// Package packages lists what the package managers of the system have
// installed in an image: dpkg (also the single records of distroless images),
// apk and rpm, with versions, sources and licences.
//
// The few files that databases are made of enter, through Files; a sorted list
// leaves. A database that is there and cannot be read is an error: nobody may
// take it for an image without packages.
package packages
