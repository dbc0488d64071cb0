using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public class WakeSignalTests
{
    [Fact]
    public void Await_RaisedBefore_ReturnsOnce()
    {
        var signal = new WakeSignal();
        signal.Raise();
        signal.Raise();
        signal.Await();
        var second = new Thread(signal.Await) { IsBackground = true };
        second.Start();
        second.Join(50).ShouldBeFalse(); // two raised were one
        signal.Raise();
        second.Join(TimeSpan.FromSeconds(20)).ShouldBeTrue();
    }

    [Fact]
    public void Raise_PingPong_LosesNone()
    {
        WakeSignal ping = new(), pong = new();
        int count = 0;
        void Answer()
        {
            for (int i = 0; i < 2000; i++)
            {
                ping.Await();
                count++;
                pong.Raise();
            }
        }
        new Thread(Answer) { IsBackground = true }.Start();
        for (int i = 1; i <= 2000; i++)
        {
            ping.Raise();
            pong.Await();
            Volatile.Read(ref count).ShouldBe(i);
        }
    }
}
