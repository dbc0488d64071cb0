namespace Ingot.Onnx.Execution;

/// <summary>A shape, or which kernels run, depends on values of the run's inputs: the run cannot be captured. Never leaves the library.</summary>
sealed class DataDependentException() : Exception("a shape depends on the values of an input");
