namespace Ingot.Coverage;

/// <summary>One way that a decision may go.</summary>
/// <param name="File">Source file, from src/ on.</param>
/// <param name="Line">Where the decision's statement begins.</param>
/// <param name="Method">The method as written: of a lambda, local function or iterator the one around it.</param>
/// <param name="Outcome">Which way: the jump is taken or not, or which label of a switch.</param>
public sealed record Branch(string File, int Line, string Method, string Outcome);
