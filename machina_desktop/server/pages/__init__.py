"""The few pages for people with a browser: an invite, the end of an OAuth dance, what this server is and how it is."""
