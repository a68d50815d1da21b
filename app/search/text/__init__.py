"""How text becomes words, and what is indexed of a question."""
