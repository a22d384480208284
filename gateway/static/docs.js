SwaggerUIBundle({
  url: "/openapi.json",
  validatorUrl: "none",
  dom_id: "#api",
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});
