package main

import "github.com/spf13/cobra"

// clientCommands are the commands that talk to a running gate, and those that
// need none.
func clientCommands() []*cobra.Command {
	return []*cobra.Command{
		newLabelCommand(), newImageCommand(), newDecisionCommand(), newRiskCommand(), newReportCommand(), newPolicyCommand(), newDTACommand(), newTokenCommand(), newCacheCommand(),
		newBehaviourCommand(), newDoctorCommand(), newVersionCommand(),
	}
}
