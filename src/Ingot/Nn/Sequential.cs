using System.Collections;

namespace Ingot.Nn;

/// <summary>A layer that maps one tensor to one: what <see cref="Sequential"/> takes besides functions.</summary>
public interface ILayer
{
    Tensor Forward(Tensor x);
}

/// <summary>Layers and functions, one after the other.</summary>
/// <example><code>var model = new Sequential { new Linear(784, 64), x => x.Relu(), new Linear(64, 10) };</code></example>
public sealed class Sequential : ILayer, IReadOnlyList<object>
{
    readonly List<object> layers = [];

    public Sequential() { }

    public Sequential(params IEnumerable<ILayer> layers) => this.layers.AddRange(layers);

    public void Add(ILayer layer) => layers.Add(layer);

    public void Add(Func<Tensor, Tensor> function) => layers.Add(function);

    public int Count => layers.Count;

    /// <summary>An <see cref="ILayer"/>, or a function of a tensor.</summary>
    public object this[int i] => layers[i];

    public Tensor Forward(Tensor x)
    {
        foreach (var layer in layers) x = layer is ILayer module ? module.Forward(x) : ((Func<Tensor, Tensor>)layer)(x);
        return x;
    }

    public IEnumerator<object> GetEnumerator() => layers.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
