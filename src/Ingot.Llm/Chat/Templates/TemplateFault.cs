namespace Ingot.Llm.Chat.Templates;

/// <summary>What went wrong at run time, before the place in the template is known.</summary>
sealed class TemplateFault(string message) : Exception(message);
