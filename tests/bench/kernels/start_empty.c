// Start-up: a static C library and an empty main.
int main(void)
{
    return 0;
}
