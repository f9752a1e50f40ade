"""The OpenAPI document, made from the types of the code, and the page that shows it."""
