namespace Sentinel.Recovery.Outages;

/// <summary>
/// One run of an instance, from a start to its stop. Later runs compare greater, which is how late news is told from
/// new: each run stops once. The cloud chooses the numbers (a start's time, a counter).
/// </summary>
/// <param name="Order">Grows with each start of the instance; zero: it never ran.</param>
public readonly record struct Incarnation(long Order) : IComparable<Incarnation>
{
    /// <inheritdoc/>
    public int CompareTo(Incarnation other) => Order.CompareTo(other.Order);

    public static bool operator <(Incarnation left, Incarnation right) => left.Order < right.Order;

    public static bool operator >(Incarnation left, Incarnation right) => left.Order > right.Order;

    public static bool operator <=(Incarnation left, Incarnation right) => left.Order <= right.Order;

    public static bool operator >=(Incarnation left, Incarnation right) => left.Order >= right.Order;

    /// <inheritdoc/>
    public override string ToString() => Order.ToString();
}
