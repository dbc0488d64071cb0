using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Arguments of a compiled step for some number of rows, in memory that every step overwrites: a tensor made anew each step would be a block rented and three objects
/// for the collector.
/// </summary>
sealed class StepArguments
{
    readonly Storage[] owners; // the tensors' memory is borrowed, which tells the plan that what is in it does not stay

    public StepArguments(params ReadOnlySpan<(DType Type, int[] Shape)> arguments)
    {
        (owners, Tensors) = (new Storage[arguments.Length], new Tensor[arguments.Length]);
        for (int i = 0; i < owners.Length; i++)
        {
            Shape shape = arguments[i].Shape;
            owners[i] = Storage.Allocate(shape.Count * arguments[i].Type.Size);
            Tensors[i] = new(Build.Buffer(arguments[i].Type, shape, new BorrowedStorage(owners[i].Address, owners[i].Bytes)));
        }
    }

    public Tensor[] Tensors { get; }

    public Span<T> Of<T>(int argument) where T : unmanaged => owners[argument].Span<T>();
}
