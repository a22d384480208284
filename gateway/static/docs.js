SwaggerUIBundle({
  url: "/openapi.json",
  validatorUrl: "none",
  dom_id: "#api",
  deepLinking: true,
  persistAuthorization: false,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
});
