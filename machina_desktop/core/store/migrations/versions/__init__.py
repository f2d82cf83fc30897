"""The migrations, one file per revision, never edited once released."""
