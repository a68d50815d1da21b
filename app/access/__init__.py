"""Who may do what: banks and their reading rules, API keys, scopes, rate limits."""
