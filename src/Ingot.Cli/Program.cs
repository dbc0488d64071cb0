using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Ingot;
using Ingot.Cli;

// Not a RootCommand, which would call itself by the assembly's name: that is Ingot.Cli, since "ingot" would differ from the library's by case alone.
var root = new Command("ingot", "Trains small language models from nothing, in C# alone, and lets you talk to them.") { new HelpOption(), new VersionOption() };
// A model may run for less time than describing all commands takes.
Command[] commands = args is ["run", ..] ? [RunCommand.Create(args)] :
[
    SpeedrunCommand.Create(),
    TokenizerCommand.Create(),
    StageCommands.Pretrain(),
    StageCommands.Midtrain(),
    StageCommands.Sft(),
    EvalCommand.Create(),
    AnswerCommands.Dpo(),
    AnswerCommands.Rl(),
    ReportCommand.Create(),
    ChatCommand.Create(),
    RunCommand.Create(args),
    ServeCommand.Create(),
    ExportCommand.Export(),
    QuantizeCommand.Create(),
    LoadCommand.Create(),
    PlanCommand.Create(),
    CorpusCommand.Create(),
    DataCommand.Create(),
    TrainCommand.Create(),
    SampleCommand.Create(),
    OnnxCommands.Create(),
    FuzzCommand.Create(),
    InfoCommand.Create(),
    BenchCommand.Create(),
    AblateCommand.Create(),
    CompressCommand.Compress(),
    CompressCommand.Decompress(),
];
foreach (var command in commands) root.Add(command);
root.SetAction(_ => root.Parse(["--help"]).Invoke());

using var stop = new CancellationTokenSource();
StopSignal.Token = stop.Token;
// The first Ctrl-C asks the work to end after its step and to write a checkpoint; a second one ends the process as usual.
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

var parsed = root.Parse(args);
if (parsed.Action is ParseErrorAction)
    return Fail($"{parsed.Errors[0].Message} See: ingot {(parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ")}--help");
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OperationCanceledException)
{
    return StopSignal.ExitCode;
}
catch (Exception e) when (e is IngotException or InsufficientMemoryException or OutOfMemoryException)
{
    return Fail(e.Message);
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    return Fail(e.Message); // the output pipe is closed, a folder may not be written: the system's words are clear enough
}

void OnSignal(PosixSignalContext context)
{
    if (stop.IsCancellationRequested) return;
    context.Cancel = true;
    stop.Cancel();
}

static int Fail(string message)
{
    Console.Error.WriteLine($"ingot: {message.ReplaceLineEndings(" ")}");
    return 1;
}
