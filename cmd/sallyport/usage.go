package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// usageExit is the annotation of a command that documents an exit code for
// what could not be found out: wrong use has that one, since 1 means more.
const usageExit = "usage-exit"

// exitsOnUsage has wrong use of c end with code.
func exitsOnUsage(c *cobra.Command, code int) *cobra.Command {
	c.Annotations = map[string]string{usageExit: strconv.Itoa(code)}
	return c
}

// explainUsage makes c, and all commands below it, say of wrong arguments and
// flags what would be right.
func explainUsage(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return wrongUse(c, fmt.Errorf("%w; see `%s --help`", err, c.CommandPath()))
	})
	c.SuggestionsMinimumDistance = 2
	if fits := c.Args; fits != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := fits(c, args); err != nil {
				return wrongUse(c, misfit(c, args))
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		explainUsage(sub)
	}
}

// misfit is what is wrong with args.
func misfit(c *cobra.Command, args []string) error {
	if c.HasSubCommands() {
		hint := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
		}
		return fmt.Errorf("%s has no command %q%s; see `%s --help`", c.CommandPath(), args[0], hint, c.CommandPath())
	}
	given := "an argument is missing"
	if len(args) > 0 {
		given = fmt.Sprintf("the arguments %q do not fit", args)
	}
	return fmt.Errorf("%s: write `%s`", given, c.UseLine())
}

func wrongUse(c *cobra.Command, err error) error {
	if code, e := strconv.Atoi(c.Annotations[usageExit]); e == nil {
		return codeError{code, err}
	}
	return err
}
