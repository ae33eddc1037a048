package document

// Warnings says what the author of a document should know although it loads.
func (d Document) Warnings() []string {
	return nil
}
