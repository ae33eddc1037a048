// Package config is the one place where settings are defined, read and checked.
//
// A YAML file and SALLYPORT_… environment variables go in, a Config with every
// default filled in comes out. Unknown keys are refused with the nearest known
// one named. The package opens no socket and creates no folder; it imports
// nothing else of this module but the words of package image.
package config
