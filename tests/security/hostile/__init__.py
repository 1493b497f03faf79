"""Programs that attack, one table a language, each with what exactly has to come of it."""
