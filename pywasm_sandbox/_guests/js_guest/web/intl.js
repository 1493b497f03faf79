// Intl, which the engine lacks, from FormatJS with the data of English and of all time zones; and the methods of
// Number, BigInt, Date and String that use it.
