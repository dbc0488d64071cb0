namespace Ingot;

/// <summary>An error in the user's program: the message names the shapes, dtypes or values, and what to change.</summary>
public class IngotException : Exception
{
    public IngotException(string message) : base(message) { }
    public IngotException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>Shapes that do not fit together.</summary>
public sealed class ShapeException(string message) : IngotException(message);

/// <summary>Element types that do not fit together, or that the operation does not have.</summary>
public sealed class DTypeException(string message) : IngotException(message);

/// <summary>An index outside its dimension.</summary>
public sealed class TensorIndexException(string message) : IngotException(message);

/// <summary>A file that is not what it should be; the message names the file.</summary>
public sealed class FormatException : IngotException
{
    public FormatException(string message) : base(message) { }
    public FormatException(string message, Exception inner) : base(message, inner) { }
}
